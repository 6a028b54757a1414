"""x_t: what the model is given."""

from __future__ import annotations

from explorer.lenses import line
from explorer.lenses.base import Lens, View, colours_note, groups, numpy32, points_caption
from explorer.lenses.drawable import Drawable, Image, Points
from explorer.lenses.plane import extent


def draw(view: View) -> Drawable:
    data = numpy32(view.prediction.x_t)
    if view.facts.kind == "points":
        return Points(data, groups(view), extent(view), points_caption(view))
    if view.facts.kind == "line":
        return line.histogram(view, view.prediction.x_t, "x_t", exact=True)
    return Image(data, "data", view.facts.value_range, colours_note(view))


LENS = Lens("x_t", "x<sub>t</sub>", "x_t = a(t) x₀ + s(t) ε", draw, words="model input")
