"""Recipe `rings`: three rings about one centre, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.toy import three_rings
from explorer.training.mixture import MixtureConfig, Objective, curve_config, train_on

CARD = {
    "title": "Rings",
    "summary": "Three rings about one centre, of weights .2, .3 and .5. At large t the score cannot tell them apart: "
    "drag t down and see the centre open, then the gaps. In the tile shares plain Langevin dynamics ends "
    "between those of its start and the right ones; annealed, with 100 steps per level, it brings them right.",
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
    toy = three_rings()
    train_on(toy, CARD, config or replace(curve_config(len(toy.names)), objective=objective), out, steps, progress)
