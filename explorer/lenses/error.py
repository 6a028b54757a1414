"""How far the model is from the truth: x̂₀ − x₀ of pictures, learned minus exact score of points."""

from __future__ import annotations

import numpy as np
import torch

from explorer.diffusion.denoiser import Denoiser
from explorer.lenses import line
from explorer.lenses.base import Lens, View, joined, number, numpy32, rms, signed_note
from explorer.lenses.drawable import Chart, Drawable, Field, Floats, Image, Line, Missing
from explorer.lenses.plane import GRID_CELLS, extent, lattice, log_density

SHOWN = 0.5
"""In units of ε: half the height of the curve of an error on a line."""


def draw(view: View) -> Drawable:
    if view.facts.kind == "points":
        return _score_error(view)
    if view.facts.kind == "line":
        return _score_error_over(view)
    if view.x_0 is None:
        return _missing(view, "the true x₀, which a reverse run does not have")
    data = numpy32(view.prediction.x0 - view.x_0)
    low, high = view.facts.value_range
    return Image(data, "signed", (low - high, high - low), joined(f"r.m.s. {rms(data):.3f}", signed_note(view)))


def _missing(view: View, what: str) -> Missing:
    return Missing(np.full(tuple(view.prediction.x_t.shape), np.nan, np.float32), f"The error needs {what}.")


def _score_error_over(view: View) -> Drawable:
    if (lacking := _lacking(view)) is not None:
        return lacking
    assert view.truth is not None
    assert view.exact is not None
    s, t, x = number(view.prediction.s), view.prediction.t, line.places(view)
    relative, data = _relative(view, view.exact)
    over = numpy32(s * (view.denoiser(x, t).score - view.exact(x, t).score))[:, 0]
    density = np.exp(line.log_density(view, view.truth))
    density *= SHOWN / density.max()
    x_axis = numpy32(x)[:, 0]
    lines = (
        Line("s (ŝ − ∇ log p)", x_axis, over, 0),
        Line("p(x_t), scaled", x_axis, density, 1, dim=True),
    )
    extent = (float(x_axis[0]), float(x_axis[-1]), -SHOWN, SHOWN)
    caption = "large only where there is no data"
    note = f"relative error {relative:.1%}"
    return Chart(data, lines, "x_t", "in units of ε", extent=extent, caption=caption, note=note)


def _lacking(view: View) -> Missing | None:
    """In place of the error of the score where it is not known."""
    if view.truth is None or view.exact is None:
        return _missing(view, "the exact distribution")
    if number(view.prediction.s) == 0:
        return _missing(view, "noise: at t = 0 the network says nothing about the score")
    return None


def _relative(view: View, exact: Denoiser) -> tuple[float, Floats]:
    """‖ŝ − ∇ log p‖ / ‖∇ log p‖ over the samples, and ŝ − ∇ log p at each."""
    right = exact(view.prediction.x_t, view.prediction.t).score
    difference = view.prediction.score - right
    return float(torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(right)), numpy32(difference)


def _score_error(view: View) -> Drawable:
    prediction = view.prediction
    if (lacking := _lacking(view)) is not None:
        return lacking
    assert view.truth is not None
    assert view.exact is not None
    relative, difference = _relative(view, view.exact)
    grid = lattice(view, GRID_CELLS)
    on_grid = view.denoiser(grid, prediction.t).score - view.exact(grid, prediction.t).score
    return Field(
        difference,
        numpy32(prediction.x_t),
        numpy32(grid),
        numpy32(on_grid),
        np.ones(len(grid), np.float32),
        extent(view),
        log_density(view, view.truth),
        "learned − exact score; large only where there is no data",
        f"relative error {relative:.1%}",
    )


LENS = Lens("error", "error", "x̂₀ − x₀; for points ŝ − ∇ log p(x_t), exact", draw)
