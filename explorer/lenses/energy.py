"""The energy landscape −log p(x_t), exact, with the points x_t in it: a score is how steeply it falls."""

from __future__ import annotations

import numpy as np

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.density import NO_TRUTH
from explorer.lenses.drawable import Drawable, Map, Missing
from explorer.lenses.plane import extent, log_density

RANGE = 30.0
"""Nats above the lowest energy that are shown."""
EVERY = 3.0
SHOWN_POINTS = 600


def draw(view: View) -> Drawable:
    if view.truth is None:
        return Missing(np.zeros((1, 1), np.float32), NO_TRUTH)
    energy = -log_density(view, view.truth)
    lowest = float(energy.min())
    return Map(
        energy,
        extent(view),
        (lowest, lowest + RANGE),
        "magnitude",
        bands=20,
        outline=energy,
        levels=tuple(lowest + EVERY * (i + 0.5) for i in range(int(RANGE / EVERY))),
        points=numpy32(view.prediction.x_t)[:SHOWN_POINTS],
        caption=f"a line every {EVERY:g} nats; dots: x_t",
        note=f"lowest {lowest:+.2f} nats".replace("-", "−"),
    )


LENS = Lens("energy", "−log p(x<sub>t</sub>)", "E(x_t) = −log p(x_t); the score is −∇E", draw, ("points",))
