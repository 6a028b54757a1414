"""The direction that guidance goes in: ε̂ with the label minus ε̂ without. Of points all three predictions."""

from __future__ import annotations

import numpy as np

from explorer.lenses.base import Lens, View, joined, number, numpy32, rms, signed_note
from explorer.lenses.drawable import Drawable, Fan, Image
from explorer.lenses.parts import unlabelled
from explorer.lenses.plane import extent

LIMIT = 0.3
"""The difference is a fraction of ε̂, whose size is 1; the same scale at every t lets it be seen to come and go."""
MAX_PLACES = 60
"""Three arrows each: more would hide one another."""
NAMES = ("with label", "without", "guided")


def draw(view: View) -> Drawable:
    parts = view.parts
    if parts is None:
        return unlabelled(view)
    data = numpy32(parts.difference)
    note = f"r.m.s. {rms(data):.3f}"
    if view.facts.on_grid:
        return Image(data, "signed", (-LIMIT, LIMIT), joined(note, signed_note(view)))
    chosen = slice(None, None, max(1, -(-len(data) // MAX_PLACES)))
    predictions = (parts.conditional, parts.unconditional, view.prediction)
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


LENS = Lens("guidance", "Δε̂", "ε̂(x_t, y) − ε̂(x_t)", draw, words="what the label adds")
