"""The direction that guidance goes in: ε̂ with the label minus ε̂ without. Of points and numbers all three."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.denoiser import parts
from explorer.lenses import line
from explorer.lenses.base import Lens, View, joined, number, numpy32, rms, signed_note
from explorer.lenses.drawable import Chart, Drawable, Fan, Floats, Image, Line, Missing
from explorer.lenses.eps import LIMIT as EPS_LIMIT
from explorer.lenses.eps import NO_NOISE
from explorer.lenses.parts import unlabelled
from explorer.lenses.plane import extent

LIMIT = 0.3
"""The difference is a fraction of ε̂, whose size is 1; the same scale at every t lets it be seen to come and go."""
MAX_PLACES = 60
"""Three arrows each: more would hide one another."""
NAMES = ("with label", "without", "guided")


def draw(view: View) -> Drawable:
    found = view.parts
    if found is None:
        return unlabelled(view)
    data = numpy32(found.difference)
    note = f"r.m.s. {rms(data):.3f}"
    if view.facts.on_grid:
        if view.prediction.t == 0 and not data.any():
            return Missing(data, NO_NOISE)
        return Image(data, "signed", (-LIMIT, LIMIT), joined(note, signed_note(view)))
    if view.facts.kind == "line":
        return _curves(view, data, note)
    chosen = slice(None, None, max(1, -(-len(data) // MAX_PLACES)))
    predictions = (found.conditional, found.unconditional, view.prediction)
    return Fan(
        data,
        numpy32(view.prediction.x_t)[chosen],
        np.stack([numpy32(prediction.eps)[chosen] for prediction in predictions]),
        NAMES,
        extent(view),
        -number(view.prediction.s),
        "from x_t back along each ε̂, to its a x̂₀",
        note,
    )


def _curves(view: View, data: Floats, note: str) -> Chart:
    """Of single numbers: each ε̂ as a function of x_t."""
    x, t = line.places(view), view.prediction.t
    of = parts(view.denoiser, x, t)
    assert of is not None
    x_axis = numpy32(x)[:, 0]
    predictions = (of.conditional, of.unconditional, view.denoiser(x, t))
    curves = [numpy32(prediction.eps)[:, 0] for prediction in predictions]
    lines = tuple(Line(name, x_axis, y, i, dash=i == 2) for i, (name, y) in enumerate(zip(NAMES, curves, strict=True)))
    extent = (float(x_axis[0]), float(x_axis[-1]), -EPS_LIMIT, EPS_LIMIT)
    return Chart(data, lines, "x_t", "ε̂", extent=extent, note=note)


LENS = Lens("guidance", "Δε̂", "ε̂(x_t, y) − ε̂(x_t)", draw, words="what the label adds")
