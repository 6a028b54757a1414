"""One reverse step as two Gaussians: the true posterior q(x_r | x_t, x_0) and the model's own p_θ(x_r | x_t).

Both are about the first sample of the view. Along a unit vector e either is a Gaussian of one dimension: the density of
⟨e, x_r⟩. With one variance σ_q² in both, the whole KL lies along the difference of the two means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.path import transition
from explorer.diffusion.variance import learned_variance
from explorer.lenses.base import View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Floats, Line, Missing
from explorer.lenses.mean import NO_X_0, missing, no_step, posterior_mean

LAST = "This step ends at the data, where p_θ has no density."
CERTAIN = "This step ends at the data: q(x₀ | x_t, x₀) is x₀ itself, without a density. It is the reconstruction term."
PLACES = 161
REACH = 4.0
"""Standard deviations that are drawn on either side of a mean."""
Q, P = "true q", "model p_θ"


@dataclass(frozen=True, eq=False)
class ReverseStep:
    """mean_q, mean_p: (d,), float64 on the CPU. variance_q: σ_q². variance_p: (d,), that of each number; all of them
    σ_q² unless the network has learned them. next_t: the time r that the step leads to."""

    mean_q: Tensor
    mean_p: Tensor
    variance_q: float
    variance_p: Tensor
    next_t: float

    def kl(self) -> float:
        """KL(q ‖ p_θ) in nats."""
        ratio = self.variance_q / self.variance_p
        return float(0.5 * (ratio - 1 - ratio.log() + (self.mean_p - self.mean_q).square() / self.variance_p).sum())

    def along(self, e: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and variance of q and of p_θ along the unit vector e (d,)."""
        return (
            (float(e @ self.mean_q), self.variance_q),
            (float(e @ self.mean_p), float(e.square() @ self.variance_p)),
        )


def reverse_step(view: View) -> ReverseStep | Missing:
    """The step from the view's t to its next time, of the first sample; or why there is none to draw."""
    if view.x_0 is None:
        return missing(view, NO_X_0)
    if view.next_t is None:
        return missing(view, no_step(view))
    variance_q = transition(view.denoiser.schedule, view.prediction.t, view.next_t).posterior_variance
    if variance_q == 0:
        return missing(view, CERTAIN)
    mean_q = posterior_mean(view, view.x_0)[0].flatten().to("cpu", torch.float64)
    mean_p, variance_p = of_model(view, view.next_t, variance_q)
    return ReverseStep(mean_q, mean_p, variance_q, variance_p, view.next_t)


def of_model(view: View, next_t: float, variance_q: float) -> tuple[Tensor, Tensor]:
    """Mean and variance of p_θ(x_r | x_t) of the first sample, (d,) each."""
    mean = posterior_mean(view, view.limited_x0)[0].flatten().to("cpu", torch.float64)
    fraction = view.prediction.variance_fraction
    if fraction is None:
        return mean, torch.full_like(mean, variance_q)
    learned = learned_variance(view.denoiser.schedule, view.prediction.t, next_t, fraction[:1])[0]
    return mean, learned.flatten().to("cpu", torch.float64)


def of_model_alone(view: View, index: int, label: str) -> Drawable:
    """p_θ(x_r | x_t) of a step of a run in one number of x: there is no true x₀, and so no true posterior."""
    if view.next_t is None:
        return missing(view, no_step(view))
    variance_q = transition(view.denoiser.schedule, view.prediction.t, view.next_t).posterior_variance
    if variance_q == 0:
        return missing(view, LAST)
    mean, variance = (float(values[index]) for values in of_model(view, view.next_t, variance_q))
    caption = f"{P} of one sample; a run has no x₀, so no true q"
    return chart([(mean, variance)], (P,), label, caption, f"σ {math.sqrt(variance):.2g}")


def marginals(view: View, direction: Tensor | Missing, label: str, absolute: bool = False) -> Drawable:
    """Both densities along a direction (d,) of any length.

    The axis is in the units of the data, counted from μ_q, or with `absolute` from 0. label: what the direction is.
    """
    step = reverse_step(view)
    if isinstance(step, Missing):
        return step
    if isinstance(direction, Missing):
        return direction
    length = float(direction.norm())
    if length == 0:
        return missing(view, "Both means are the same, so their difference has no direction.")
    (mean_q, variance_q), (mean_p, variance_p) = step.along(direction.to("cpu", torch.float64) / length)
    origin = 0.0 if absolute else mean_q
    found = [(mean_q - origin, variance_q), (mean_p - origin, variance_p)]
    here = "" if len(step.mean_q) == 1 else f"KL {_kl(*found):.3g} along here; "
    caption = f"{here}σ_q = {math.sqrt(step.variance_q):.2g}"
    return chart(found, (Q, P), label, caption, kl_text(step))


def chart(found: list[tuple[float, float]], names: tuple[str, ...], x_label: str, caption: str, note: str) -> Chart:
    """Gaussian densities of one dimension, (mean, variance) each, with a line at every mean."""
    lines, data = [], []
    low = min(mean - REACH * math.sqrt(variance) for mean, variance in found)
    high = max(mean + REACH * math.sqrt(variance) for mean, variance in found)
    for i, ((mean, variance), name) in enumerate(zip(found, names, strict=True)):
        # Narrow beside the distance of the means it is still drawn as a curve.
        own = mean + np.linspace(-REACH, REACH, PLACES) * math.sqrt(variance)
        x = np.unique(np.concatenate([own, [low, high]]))
        y = normal_density(x, mean, variance)
        data.append(np.stack([own, normal_density(own, mean, variance)]))
        lines.append(Line(name, x.astype(np.float32), y.astype(np.float32), i, dash=i > 0))
        top = 1 / math.sqrt(2 * math.pi * variance)
        lines.append(Line("", np.array([mean, mean], np.float32), np.array([0, top], np.float32), i, dim=True))
    return Chart(np.stack(data).astype(np.float32), tuple(lines), x_label, "density", caption=caption, note=note)


def normal_density(x: NDArray[np.float64], mean: float, variance: float) -> NDArray[np.float64]:
    """N(x; mean, variance)."""
    return np.asarray(np.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance))


def circle(mean: Tensor, radius: float) -> tuple[Floats, Floats]:
    """Where a Gaussian in the plane with one variance has one density. mean: (2,)."""
    angle = torch.linspace(0, 2 * math.pi, 91, dtype=torch.float64)
    places = mean + radius * torch.stack([angle.cos(), angle.sin()], dim=1)
    x, y = numpy32(places).T
    return x, y


def kl_text(step: ReverseStep) -> str:
    """The whole KL."""
    return f"KL {step.kl():.3g} nats"


def _kl(q: tuple[float, float], p: tuple[float, float]) -> float:
    ratio = q[1] / p[1]
    return 0.5 * (ratio - 1 - math.log(ratio) + (p[0] - q[0]) ** 2 / p[1])
