"""ε̂ with the label: what guidance starts from at γ = 1."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Drawable
from explorer.lenses.eps import noise
from explorer.lenses.parts import unlabelled


def draw(view: View) -> Drawable:
    return unlabelled(view) if view.parts is None else noise(view, view.parts.conditional)


LENS = Lens("cond", "ε̂<sub>y</sub>", "ε̂(x_t, y), with the label (γ = 1)", draw, ("image", "points", "latent"))
