"""μ_q: the mean of the true posterior q(x_r | x_t, x_0), and how far the model's own step is from it.

Both are Gaussians; with the same variance σ_q² their divergence is KL(q ‖ p_θ) = ‖μ_q − μ_θ‖² / (2 σ_q²), the term
of the bound at this time, here per dimension.
"""

from __future__ import annotations

from explorer.diffusion.path import transition
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable
from explorer.lenses.mean import NO_X_0, data_like, missing, no_step, posterior_mean


def draw(view: View) -> Drawable:
    if view.x_0 is None:
        return missing(view, NO_X_0)
    if view.next_t is None:
        return missing(view, no_step(view))
    mean = posterior_mean(view, view.x_0)
    variance = transition(view.denoiser.schedule, view.prediction.t, view.next_t).posterior_variance
    if variance == 0:
        note = "certain: σ_q = 0"
    else:
        squared = float((mean - posterior_mean(view, view.limited_x0)).square().mean())
        note = f"KL {squared / (2 * variance):.3g} nats/dim"
    return data_like(view, numpy32(mean), note)


LENS = Lens(
    "posterior",
    "μ<sub>q</sub>",
    "μ_q = c_x x_t + c₀ x₀, the mean of q(x_{t−1} | x_t, x₀)",
    draw,
    words="mean of the true step",
)
