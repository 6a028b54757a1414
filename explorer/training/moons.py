"""Recipe `moons`: two half circles, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.toy import two_moons
from explorer.training.mixture import MixtureConfig, Objective, short_config, train_on

CARD = {
    "title": "Moons",
    "summary": "Two half circles that reach into one another, with .6 and .4 of the points. Sample with DDIM and "
    "step back from the end: the gap opens late, when s(t) is as small as it is. Then click between the "
    "moons in the tile x_t and play from there.",
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
    toy = two_moons()
    train_on(toy, CARD, config or replace(short_config(len(toy.names)), objective=objective), out, steps, progress)
