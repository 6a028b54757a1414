"""The level on show itself: at t = 0 the picture, above it the numbers of z_t with the μ ± σ they were drawn from."""

from __future__ import annotations

from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Image, Quantities
from explorer.lenses.latent.base import LatentLens, LatentView


def draw(view: LatentView) -> Drawable:
    if view.t == 0:
        return Image(numpy32(view.x), "data", view.facts.value_range)
    first = slice(0, 1)
    values = numpy32(view.z[first])[0]
    mean, std = numpy32(view.distribution.mean[first])[0], numpy32(view.distribution.std[first])[0]
    t = subscript(view.t)
    names = tuple(f"z{t}[{i}]" for i in range(len(values)))
    words = [f"of the first of {len(view.z)}"] if len(view.z) > 1 else []
    words += ["by hand"] if view.by_hand else []
    caption = f"band: μ ± σ of {'q' if view.upward else 'p'}, drag to change"
    return Quantities(values, mean, std, names, movable=True, caption=caption, note=", ".join(words))


LENS = LatentLens(
    "z_t",
    "z<sub>t</sub>",
    "z_t = μ + σ ⊙ ε, from q(z_t|z_{t−1}) up or p(z_t|z_{t+1}) down",
    draw,
    words="state of the chain",
)
