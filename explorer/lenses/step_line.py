"""The true posterior and the model's step of a single number, which are seen whole."""

from __future__ import annotations

from explorer.lenses.base import Lens
from explorer.lenses.step_pixel import draw

LENS = Lens("step_line", "step", "q(x_{t−1} | x_t, x₀) and p_θ(x_{t−1} | x_t)", draw, ("line",))
