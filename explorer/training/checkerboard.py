"""Recipe `checkerboard`: eight squares, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.toy import checkerboard
from explorer.training.mixture import MixtureConfig, Objective, short_config, train_on

CARD = {
    "title": "Checkerboard",
    "summary": "Eight squares with nothing between them. The tile score error shows what is hardest to learn: edges "
    "and corners. Open the tile shares and compare samplers: each square should get an eighth, and "
    "Langevin dynamics crosses at the corners alone.",
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
    toy = checkerboard()
    train_on(toy, CARD, config or replace(short_config(len(toy.names)), objective=objective), out, steps, progress)
