"""v̂: the velocity of Salimans & Ho 2022, a rotation of (x̂₀, ε̂)."""

from __future__ import annotations

from explorer.lenses import line
from explorer.lenses.base import Lens, View, numpy32, signed_note
from explorer.lenses.drawable import Drawable, Image
from explorer.lenses.eps import LIMIT


def draw(view: View) -> Drawable:
    if view.facts.kind == "line":
        return line.curve(view, lambda _, p: p.v, "v̂", LIMIT)
    return Image(numpy32(view.prediction.v), "signed", (-LIMIT, LIMIT), signed_note(view))


LENS = Lens("v", "v̂", "v̂ = a ε̂ − s x̂₀", draw, kinds=("image", "line", "latent"), words="velocity")
