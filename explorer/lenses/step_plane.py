"""The true posterior and the model's step in the plane: lines of equal density at 1, 2 and 3 σ, and both means."""

from __future__ import annotations

import math

import numpy as np

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Line, Missing
from explorer.lenses.step import P, Q, circle, kl_text, reverse_step

SIGMAS = (1, 2, 3)


def draw(view: View) -> Drawable:
    step = reverse_step(view)
    if isinstance(step, Missing):
        return step
    lines = []
    for i, (name, mean, variance) in enumerate(
        ((Q, step.mean_q, step.variance_q), (P, step.mean_p, float(step.variance_p[0])))
    ):
        radii = [(name if k == 1 else "", k * math.sqrt(variance), k > 1) for k in SIGMAS]
        lines += [Line(of, *circle(mean, radius), i, dim, dash=i > 0) for of, radius, dim in radii]
        x, y = numpy32(mean.reshape(2, 1))
        lines.append(Line("", x, y, i, dots=True))
    caption = f"of the first point; σ_q = {math.sqrt(step.variance_q):.2g}"
    data = np.stack([numpy32(step.mean_q), numpy32(step.mean_p)])
    return Chart(data, tuple(lines), "x₁ of x_{t−1}", "x₂", equal=True, caption=caption, note=kl_text(step))


LENS = Lens("step_plane", "step", "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t), at 1–3 σ", draw, ("points",))
