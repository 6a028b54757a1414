"""The exact density of x_t, over the plane or the line."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.mixture import GaussianMixture
from explorer.lenses import line
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Floats, Line, Map, Missing
from explorer.lenses.plane import extent, log_density

RANGE = 12.0
"""Nats below the highest density that are shown."""
EVERY = 2.0
"""Nats between two lines."""
NO_TRUTH = "The exact distribution of this model's data is not known."


def draw(view: View) -> Drawable:
    if view.truth is None:
        return Missing(np.zeros((1, 1), np.float32), NO_TRUTH)
    if view.facts.kind == "line":
        return _over_a_line(view, view.truth)
    values = log_density(view, view.truth)
    top = float(values.max())
    return Map(
        values,
        extent(view),
        (top - RANGE, top),
        "density",
        bands=24,
        outline=values,
        levels=density_levels(values),
        caption=f"a line every {EVERY:g} nats",
        note=f"at most {top:+.2f} nats".replace("-", "−"),
    )


def density_levels(values: Floats) -> tuple[float, ...]:
    """Heights of lines below the highest value of a log density, a fixed distance apart."""
    return tuple(float(values.max()) - EVERY * (i + 0.5) for i in range(int(RANGE / EVERY)))


def _over_a_line(view: View, truth: GaussianMixture) -> Drawable:
    values, x = line.log_density(view, truth), numpy32(line.places(view))[:, 0]
    top = float(values.max())
    extent = (float(x[0]), float(x[-1]), top - RANGE, top + 1)
    curve = Line("", x, values, 0)
    note = f"at most {top:+.2f} nats".replace("-", "−")
    return Chart(values, (curve,), "x_t", "nats", extent=extent, note=note)


LENS = Lens(
    "density", "log p(x<sub>t</sub>)", "log Σ_k w_k N(x_t; a μ_k, a² Σ_k + s² I), exact", draw, ("points", "line")
)
