"""How the values of x_t, x̂₀ and ε̂ are distributed, beside the standard normal that ε should have."""

from __future__ import annotations

import numpy as np

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Floats, Line

EDGES = np.linspace(-4.0, 4.0, 65, dtype=np.float32)


def density(values: Floats) -> Floats:
    """The share of values in each bin over its width; values beyond the ends count, though in no bin. (64,)."""
    counts = np.histogram(values, EDGES)[0]
    return np.asarray(counts / max(values.size, 1) / (EDGES[1] - EDGES[0]), np.float32)


def draw(view: View) -> Drawable:
    middle = np.asarray((EDGES[1:] + EDGES[:-1]) / 2, np.float32)
    normal = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
    prediction = view.prediction
    x_t, x0, eps = (density(numpy32(x)) for x in (prediction.x_t, prediction.x0, prediction.eps))
    lines = [Line("N(0, 1)", middle, normal.astype(np.float32), 3, dim=True)]
    lines += [Line(name, middle, y, i) for i, (name, y) in enumerate((("x_t", x_t), ("x̂₀", x0), ("ε̂", eps)))]
    top = max(2.0 * float(normal.max()), float(x_t.max()), float(eps.max()))
    shown = tuple(Line(line.name, line.x, np.minimum(line.y, top), line.colour, line.dim) for line in lines)
    return Chart(np.stack([x_t, x0, eps]), shown, "value", "density")


LENS = Lens("histogram", "histogram", "density of the values of x_t, x̂₀ and ε̂", draw)
