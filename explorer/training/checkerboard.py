"""Recipe `checkerboard`: eight squares, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from explorer.datasets.toy import checkerboard
from explorer.training.mixture import recipe_of, short_config

CARD = {
    "title": "Checkerboard",
    "summary": "Eight squares with nothing between them. The tile score error shows what is hardest to learn: edges "
    "and corners. Open the tile shares and compare samplers: each square should get an eighth. Then click into one "
    "square of x_t and play Langevin dynamics at level 0.1: it leaves at the corners alone.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}

run = recipe_of(checkerboard, CARD, short_config)
