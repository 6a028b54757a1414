"""The score of q(x_t | x₀), which needs the true x₀, beside the marginal one that a model can learn.

One x_t may have come from many x₀: ∇ log q(x_t | x₀) = −ε/s differs from ∇ log p(x_t) sample by sample, and has it as
its mean over all that lead to the same x_t (Vincent 2011). In the plane the means over small cells
are drawn, and tend to the arrows of the tile *score* as points become more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from explorer.lenses import line
from explorer.lenses.base import Lens, View, joined, number, numpy32, signed_note
from explorer.lenses.drawable import Chart, Drawable, Field, Floats, Image, Line, Missing
from explorer.lenses.eps import LIMIT
from explorer.lenses.plane import extent, lattice, log_density

CELLS = 24
"""In a row and in a column: a few tens of 5,000 points fall into each where the data are."""
SURE = 20
"""Points in a cell from which on its arrow is drawn in full."""


def draw(view: View) -> Drawable:
    prediction = view.prediction
    s = number(prediction.s)
    missing = np.full(tuple(prediction.x_t.shape), np.nan, np.float32)
    if view.eps is None:
        return Missing(missing, "The score of q(x_t | x₀) needs the true x₀, which a reverse run does not have.")
    if s == 0:
        return Missing(missing, "At t = 0 there is no noise: q(x₀ | x₀) has no density.")
    conditional = -view.eps / prediction.s
    data, learned = numpy32(conditional), numpy32(prediction.score)
    apart = _relative(data - learned, learned)
    if view.facts.kind == "points":
        return _cells(view, conditional, apart)
    if view.facts.kind == "line":
        return _over_a_line(view, conditional, apart)
    return Image(
        numpy32(conditional), "signed", (-LIMIT / s, LIMIT / s), joined(f"{apart:.0%} off ŝ", signed_note(view))
    )


def _cells(view: View, conditional: Tensor, apart: float) -> Field:
    """Arrows: the mean over the points of each cell."""
    x_t = view.prediction.x_t
    left, right, bottom, top = extent(view)
    place = ((x_t - x_t.new_tensor([left, bottom])) / x_t.new_tensor([right - left, top - bottom]) * CELLS).floor()
    inside = ((place >= 0) & (place < CELLS)).all(dim=1)
    cell = (place.clamp(0, CELLS - 1) @ place.new_tensor([1.0, CELLS])).long()
    weight = inside.to(x_t.dtype)
    counts = torch.zeros(CELLS**2, device=x_t.device, dtype=x_t.dtype).index_add(0, cell, weight)

    def mean(values: Tensor) -> Tensor:
        total = torch.zeros(CELLS**2, 2, device=x_t.device, dtype=x_t.dtype)
        return total.index_add(0, cell, values * weight[:, None]) / counts.clamp(min=1)[:, None]

    means, of_model, counted = (numpy32(x) for x in (mean(conditional), mean(view.prediction.score), counts))
    full = counted >= SURE
    note = f"{apart:.0%} off ŝ one by one"
    if full.any():
        note += f", {_relative((means - of_model)[full], of_model[full]):.0%} in the mean"
    return Field(
        numpy32(conditional),
        numpy32(x_t),
        numpy32(lattice(view, CELLS)),
        means,
        np.minimum(counted / SURE, 1).astype(np.float32),
        extent(view),
        log_density(view, view.truth) if view.truth is not None else None,
        "the mean of −ε/s over the points of each cell",
        note,
    )


def _over_a_line(view: View, conditional: Tensor, apart: float) -> Chart:
    """Dots, their mean over the samples of each bin, and the learned score."""
    left, right, _, _ = extent(view)
    chart = line.curve(
        view, lambda _, p: p.score, "score", LIMIT / number(view.prediction.s), conditional, "−ε/s of a sample"
    )
    edges = np.linspace(left, right, line.BINS + 1)
    x_t, each = numpy32(view.prediction.x_t)[:, 0], numpy32(conditional)[:, 0]
    counted, total = np.histogram(x_t, edges)[0], np.histogram(x_t, edges, weights=each)[0]
    full = counted >= SURE
    middle = ((edges[1:] + edges[:-1]) / 2)[full].astype(np.float32)
    means = (total[full] / counted[full]).astype(np.float32)
    lines = (chart.lines[0], chart.lines[-1], Line("mean of a bin", middle, means, 1, dots=True))
    return replace(chart, data=numpy32(conditional), lines=lines, note=f"{apart:.0%} off ŝ one by one")


def _relative(difference: Floats, to: Floats) -> float:
    """‖difference‖ / ‖to‖."""
    return float(np.linalg.norm(difference) / max(float(np.linalg.norm(to)), 1e-12))


LENS = Lens(
    "score_given_x0",
    "∇ log q(x<sub>t</sub>|x<sub>0</sub>)",
    "∇ log q(x_t | x₀) = −ε / s, whose mean is ∇ log p(x_t)",
    draw,
)
