"""How far the model is from the truth: x̂₀ − x₀ of pictures, learned minus exact score of points."""

from __future__ import annotations

import numpy as np
import torch

from explorer.lenses.base import Lens, View, joined, number, numpy32, rms, signed_note
from explorer.lenses.drawable import Drawable, Field, Image, Missing
from explorer.lenses.plane import GRID_CELLS, extent, lattice, log_density


def draw(view: View) -> Drawable:
    if view.facts.kind == "points":
        return _score_error(view)
    if view.x_0 is None:
        return _missing(view, "the true x₀, which a reverse run does not have")
    data = numpy32(view.prediction.x0 - view.x_0)
    low, high = view.facts.value_range
    return Image(data, "signed", (low - high, high - low), joined(f"r.m.s. {rms(data):.3f}", signed_note(view)))


def _missing(view: View, what: str) -> Missing:
    return Missing(np.full(tuple(view.prediction.x_t.shape), np.nan, np.float32), f"The error needs {what}.")


def _score_error(view: View) -> Drawable:
    prediction = view.prediction
    if view.truth is None or view.exact is None:
        return _missing(view, "the exact distribution")
    if number(prediction.s) == 0:
        return _missing(view, "noise: at t = 0 the network says nothing about the score")
    exact = view.exact(prediction.x_t, prediction.t).score
    difference = prediction.score - exact
    relative = float(torch.linalg.vector_norm(difference) / torch.linalg.vector_norm(exact))
    grid = lattice(view, GRID_CELLS)
    on_grid = view.denoiser(grid, prediction.t).score - view.exact(grid, prediction.t).score
    return Field(
        numpy32(difference),
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
