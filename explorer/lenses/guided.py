"""ε̂ as guidance leaves it: what a sampler goes on with."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Drawable
from explorer.lenses.eps import noise


def draw(view: View) -> Drawable:
    return noise(view, view.prediction)


LENS = Lens("guided", "ε̂<sub>γ</sub>", "ε̂(x_t) + γ (ε̂(x_t, y) − ε̂(x_t))", draw, ("image", "points", "latent"))
