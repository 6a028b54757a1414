"""Where in the plane the learned score is wrong: its distance from the exact one, in units of the noise."""

from __future__ import annotations

import numpy as np
import torch

from explorer.lenses.base import Lens, View, number, numpy32
from explorer.lenses.density import NO_TRUTH, density_levels
from explorer.lenses.drawable import Drawable, Map, Missing
from explorer.lenses.plane import extent, lattice, log_density

CELLS = 64
LIMIT = 1.0
"""An error of the size of ε itself in each number."""


def draw(view: View) -> Drawable:
    nothing = np.zeros((1, 1), np.float32)
    if view.truth is None or view.exact is None:
        return Missing(nothing, NO_TRUTH)
    s = number(view.prediction.s)
    if s == 0:
        return Missing(nothing, "At t = 0 there is no noise, and no score was learned there.")
    places, t = lattice(view, CELLS), view.prediction.t
    difference = view.denoiser(places, t).score - view.exact(places, t).score
    values = numpy32(s * torch.linalg.vector_norm(difference, dim=1)).reshape(CELLS, CELLS)
    at_points = view.prediction.score - view.exact(view.prediction.x_t, t).score
    mean = s * float(torch.linalg.vector_norm(at_points, dim=1).mean())
    density = log_density(view, view.truth)
    return Map(
        values,
        extent(view),
        (0.0, LIMIT),
        "magnitude",
        bands=20,
        outline=density,
        levels=density_levels(density)[1::2],
        caption="dark: right; bright: off by ≥ ε",
        note=f"mean at x_t {mean:.3f}",
    )


LENS = Lens("error_map", "score error", "s ‖ŝ − ∇ log p(x_t)‖ = ‖ε̂ − E[ε | x_t]‖", draw, ("points",))
