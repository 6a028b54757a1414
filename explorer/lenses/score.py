"""The marginal score ∇ log p(x_t) as the model has learned it."""

from __future__ import annotations

import numpy as np

from explorer.lenses import line
from explorer.lenses.base import Lens, View, number, numpy32, signed_note
from explorer.lenses.drawable import Drawable, Field, Image, Missing
from explorer.lenses.eps import LIMIT
from explorer.lenses.plane import GRID_CELLS, extent, lattice, log_density

LEAST = 0.1
"""Of s, for the height of a curve: that of the data themselves is finite."""


def draw(view: View) -> Drawable:
    prediction = view.prediction
    data = numpy32(prediction.score)
    s = number(prediction.s)
    if s == 0 and prediction.kind != "score":
        return Missing(data, "At t = 0 there is no noise, so the network says nothing about the score.")
    if view.facts.kind == "points":
        return _field(view)
    if view.facts.kind == "line":
        return line.curve(view, lambda _, p: p.score, "score", LIMIT / max(s, LEAST))
    return Image(data, "signed", (-LIMIT / s, LIMIT / s), signed_note(view))


def _field(view: View) -> Field:
    prediction = view.prediction
    grid = lattice(view, GRID_CELLS)
    vectors = view.denoiser(grid, prediction.t).score
    background = log_density(view, view.truth) if view.truth is not None else None
    certain = np.ones(len(grid), np.float32)
    caption = "arrow length as √|score|"
    if view.facts.density_known:
        caption = "score over log p(x_t), both exact"
    elif view.truth is not None:
        # Where hardly any x_t falls the network never learned: those arrows are faded.
        a, s = number(prediction.a), number(prediction.s)
        density = numpy32(view.truth.log_density(grid, a, s))
        certain = np.clip(1 + (density - density.max() + 6.0) / 6.0, 0.15, 1.0).astype(np.float32)
        caption = "learned score over exact log p(x_t); faded where there is no data"
    return Field(
        numpy32(prediction.score),
        numpy32(prediction.x_t),
        numpy32(grid),
        numpy32(vectors),
        certain,
        extent(view),
        background,
        caption,
    )


LENS = Lens("score", "score", "∇ log p(x_t) = −ε̂ / s", draw, words="towards likelier data")
