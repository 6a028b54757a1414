"""Recipe `rings`: three rings about one centre, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from explorer.datasets.toy import three_rings
from explorer.training.mixture import curve_config, recipe_of

CARD = {
    "title": "Rings",
    "summary": "Three rings about one centre, of weights .2, .3 and .5. At large t the score cannot tell them apart: "
    "drag t down and see the centre open, then the gaps. Then run plain Langevin dynamics with the tile shares: at "
    "level 0.3 they come out right; at 0.2 they stay between those of its start and the right ones, for hardly a "
    "point crosses.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}

run = recipe_of(three_rings, CARD, curve_config)
