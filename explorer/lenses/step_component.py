"""The true posterior and the model's step along the direction in which the data vary most."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.components import components
from explorer.lenses.drawable import Drawable
from explorer.lenses.mean import missing
from explorer.lenses.step import marginals


def draw(view: View) -> Drawable:
    if view.data is None or len(view.data) < 3:
        return missing(view, "This needs some of the model's data samples.")
    label = "along the first PC, less μ_q"
    return marginals(view, components(view.data).directions[0], label)


LENS = Lens(
    "step_component",
    "step along PC 1",
    "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t) along the data's first principal component",
    draw,
    ("image", "points", "latent"),
)
