"""σ²: the variance of p(x_{t−1} | x_t) where the network has learned it, one number for each of x_t's."""

from __future__ import annotations

from explorer.diffusion.path import transition
from explorer.diffusion.variance import learned_variance
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable, Image
from explorer.lenses.mean import missing, no_step


def draw(view: View) -> Drawable:
    if view.next_t is None:
        return missing(view, no_step(view))
    schedule, t = view.denoiser.schedule, view.prediction.t
    q = transition(schedule, t, view.next_t)
    ends = f"σ_q² = {q.posterior_variance:.3g} of the posterior, β = {q.forward_variance:.3g} of the forward step"
    fraction = view.prediction.variance_fraction
    if fraction is None:
        return missing(view, f"This network has not learned a variance; that of its step is one number, {ends}.")
    data = numpy32(learned_variance(schedule, t, view.next_t, fraction))
    between = f"{float(fraction.mean()):.0%} of the way from σ_q² to β"
    return Image(data, "magnitude", (q.posterior_variance, q.forward_variance), between)


LENS = Lens("variance", "σ²", "log σ² = f log β + (1 − f) log σ_q², f learned", draw, kinds=("image", "latent"))
