"""ε̂ without the label: what guidance starts from at γ = 0."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Drawable
from explorer.lenses.eps import noise


def draw(view: View) -> Drawable:
    return noise(view, view.prediction if view.parts is None else view.parts.unconditional)


LENS = Lens("uncond", "ε̂<sub>∅</sub>", "ε̂(x_t), without a label (γ = 0)", draw, ("image", "points", "latent"))
