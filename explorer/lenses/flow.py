"""û: the velocity of the flow from data to noise."""

from __future__ import annotations

import math

from explorer.diffusion.velocity import slopes, velocity
from explorer.lenses import line
from explorer.lenses.base import Lens, View, groups, numpy32, signed_note
from explorer.lenses.drawable import Arrows, Drawable, Image
from explorer.lenses.eps import LIMIT
from explorer.lenses.plane import extent

TENTH = 0.1
"""Of the whole time 0 … T: how far an arrow goes, back towards the data."""


def draw(view: View) -> Drawable:
    prediction, schedule = view.prediction, view.denoiser.schedule
    data = numpy32(velocity(schedule, prediction))
    if view.facts.kind == "points":
        caption = "where the flow takes x_t in T/10, towards the data"
        return Arrows(data, numpy32(prediction.x_t), groups(view), extent(view), -TENTH, caption)
    # x̂₀ and ε̂ are of unit size, so this is the scale of ε̂ for it.
    limit = LIMIT * math.hypot(*slopes(schedule, prediction.t))
    if view.facts.kind == "line":
        return line.curve(view, lambda denoiser, p: velocity(denoiser.schedule, p), "û", limit)
    return Image(data, "signed", (-limit, limit), signed_note(view))


LENS = Lens("flow", "û", "û = dx_t/du = a′ x̂₀ + s′ ε̂, u = t/T", draw, words="flow velocity")
