"""Recipe `moons`: two half circles, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from explorer.datasets.toy import two_moons
from explorer.training.mixture import recipe_of, short_config

CARD = {
    "title": "Moons",
    "summary": "Two half circles that reach into one another, with .6 and .4 of the points. Sample with DDIM and "
    "step back from the end: the gap opens late, when s(t) is as small as it is. Then click between the "
    "moons in the tile x_t and play from there.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}

run = recipe_of(two_moons, CARD, short_config)
