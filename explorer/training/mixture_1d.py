"""Recipe `mixture_1d`: three Gaussians on a line, conditional on the component, trained as `mixture` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.toy import three_on_a_line
from explorer.training.mixture import MixtureConfig, Objective, short_config, train_on

STEPS, SEED = 50, 7
"""So few steps that a single one is seen: with a thousand its two bells are one. The first of the samples is one that
x_t leaves in doubt."""

CARD = {
    "title": "Mixture on a line",
    "summary": "Single numbers: every density is seen whole. The tile step has the true q(x_{t−1} | x_t, x₀) and the "
    "model’s p_θ(x_{t−1} | x_t). Drag t down from 20: the two bells part and their KL grows, since x̂₀ is a mean over "
    "all x₀ that x_t may have come from; choose another Sample for another x₀. In View ▸ Tiles, noising: t small steps "
    "and one jump give x_t the same distribution. Then press Space, and see sixty paths find three places.",
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
    toy = three_on_a_line()
    short = replace(short_config(len(toy.names)), objective=objective)
    narrow = replace(short, T=STEPS, samples_seed=SEED, network=replace(short.network, dim=1, hidden=128))
    train_on(toy, CARD, config or narrow, out, steps, progress)
