"""Recipe `swiss_roll`: a spiral in three stretches, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.toy import swiss_roll
from explorer.training.mixture import MixtureConfig, Objective, curve_config, train_on

CARD = {
    "title": "Swiss roll",
    "summary": "A thin spiral, coloured from the inside out: a curve in the plane, as pictures are a thin set among "
    "all pixels. Drag t down and watch the score turn across the curve. Ten DDIM steps leave points "
    "between the arms; a hundred do not.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}


def run(
    out: Path,
    steps: int | None = None,
    progress: Callable[[str], None] = print,
    config: MixtureConfig | None = None,
    objective: Objective = "denoising",
) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number. config goes before objective."""
    toy = swiss_roll()
    train_on(toy, CARD, config or replace(curve_config(len(toy.names)), objective=objective), out, steps, progress)
