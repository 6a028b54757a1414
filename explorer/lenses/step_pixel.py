"""The true posterior and the model's step in one number of x: a pixel, or a coordinate of a point."""

from __future__ import annotations

import torch

from explorer.lenses.base import Lens, View, chosen_number
from explorer.lenses.drawable import Drawable
from explorer.lenses.step import marginals, of_model_alone


def draw(view: View) -> Drawable:
    index, name = chosen_number(view)
    label = f"{name} of x_{{t−1}}"
    if view.x_0 is None:
        return of_model_alone(view, index, label)
    direction = torch.zeros(view.prediction.x_t[0].numel(), dtype=torch.float64)
    direction[index] = 1
    return marginals(view, direction, label, absolute=True)


LENS = Lens(
    "step_pixel",
    "step, 1 number",
    "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t) in one pixel",
    draw,
    ("image", "points", "latent"),
    of_place=True,
)
