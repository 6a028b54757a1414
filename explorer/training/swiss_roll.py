"""Recipe `swiss_roll`: a spiral in three stretches, conditional on which, trained as `mixture` is."""

from __future__ import annotations

from explorer.datasets.toy import swiss_roll
from explorer.training.mixture import curve_config, recipe_of

CARD = {
    "title": "Swiss roll",
    "summary": "A thin spiral, coloured from the inside out: a curve in the plane, as pictures are a thin set among "
    "all pixels. Drag t down and watch the score turn across the curve. Ten DDIM steps leave points "
    "between the arms; a hundred do not.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}

run = recipe_of(swiss_roll, CARD, curve_config)
