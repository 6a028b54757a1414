"""The energy landscape −log p(x_t), exact, with the points x_t in it: a score is how steeply it falls."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.mixture import GaussianMixture
from explorer.lenses import line
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.density import NO_TRUTH
from explorer.lenses.drawable import Chart, Drawable, Line, Map, Missing
from explorer.lenses.plane import extent, log_density

RANGE = 30.0
"""Nats above the lowest energy that are shown."""
EVERY = 3.0
SHOWN_POINTS = 600


def draw(view: View) -> Drawable:
    if view.truth is None:
        return Missing(np.zeros((1, 1), np.float32), NO_TRUTH)
    if view.facts.kind == "line":
        return _over_a_line(view, view.truth)
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


def _over_a_line(view: View, truth: GaussianMixture) -> Drawable:
    energy, x = -line.log_density(view, truth), numpy32(line.places(view))[:, 0]
    lowest, x_t = float(energy.min()), numpy32(view.prediction.x_t)[:SHOWN_POINTS, 0]
    lines = (
        Line("−log p(x_t)", x, energy, 0),
        Line("x_t", x_t, np.interp(x_t, x, energy).astype(np.float32), 3, dots=True),
    )
    return Chart(energy, lines, "x_t", "nats", extent=(float(x[0]), float(x[-1]), lowest - 1, lowest + RANGE))


LENS = Lens("energy", "−log p(x<sub>t</sub>)", "E(x_t) = −log p(x_t); the score is −∇E", draw, ("points", "line"))
