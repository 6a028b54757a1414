"""Recipe `mixture_1d`: three Gaussians on a line, conditional on the component, trained as `mixture` is."""

from __future__ import annotations

from dataclasses import replace

from explorer.datasets.toy import three_on_a_line
from explorer.training.mixture import MixtureConfig, recipe_of, short_config

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


def narrow_config(classes: int) -> MixtureConfig:
    """Of single numbers, in few steps, by a smaller network."""
    short = short_config(classes)
    return replace(short, T=STEPS, samples_seed=SEED, network=replace(short.network, dim=1, hidden=128))


run = recipe_of(three_on_a_line, CARD, narrow_config)
