"""The true posterior and the model's step along the difference of their means, where all of their KL lies."""

from __future__ import annotations

from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Drawable, Missing
from explorer.lenses.step import marginals, reverse_step


def draw(view: View) -> Drawable:
    step = reverse_step(view)
    if isinstance(step, Missing):
        return step
    return marginals(view, step.mean_p - step.mean_q, "along μ_θ − μ_q, less μ_q")


LENS = Lens(
    "step_means",
    "step along Δμ",
    "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t) along μ_θ − μ_q",
    draw,
    ("image", "points", "latent"),
)
