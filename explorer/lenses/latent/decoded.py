"""What z_t leads to: every level below takes its mean, and of p(x|z₁) the mean is shown too."""

from __future__ import annotations

from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Image
from explorer.lenses.latent.base import LatentLens, LatentView


def draw(view: LatentView) -> Drawable:
    return Image(numpy32(view.decoding), "data", view.facts.value_range, f"from z{subscript(view.level)}")


LENS = LatentLens(
    "decoded", "x̂(z<sub>t</sub>)", "E[x|z₁], with the means of all levels below z_t", draw, words="decoded picture"
)
