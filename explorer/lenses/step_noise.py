"""The true posterior and the model's step along ε̂, the noise that the model sees."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Drawable
from explorer.lenses.step import marginals


def draw(view: View) -> Drawable:
    return marginals(view, view.prediction.eps[0].flatten(), "along ε̂, less μ_q")


LENS = Lens(
    "step_noise",
    "step along ε̂",
    "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t) along ε̂",
    draw,
    ("image", "points", "latent"),
)
