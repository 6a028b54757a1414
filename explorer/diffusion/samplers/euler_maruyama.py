"""The reverse SDE by the Euler–Maruyama method (Song et al. 2021, eq. 6).

A path x_t = a x_0 + s ε is the marginal of dx = f x dt + g dw with

    f = d log a/dt,   g² = ds²/dt − 2 f s²,

whose reverse is dx = [f x − g² ∇log p] dt + g dw̄. Over a step from t to r both coefficients have exact integrals in
the schedule's values at its ends: ∫f dt = log α with α = a_t/a_r, and for the variance σ² = s_t² − α² s_r², which is
∫g² dt to first order and what q(x_t|x_r) has (see `path`). So

    x_r = x_t − log α · x_t + σ² ∇log p(x_t) + σ z.

On a variance-exploding path that is the "reverse diffusion" of Song et al. 2021, eq. 46. The step to t = 0 takes x̂₀,
which that formula without its noise is to first order. From a time without signal, where f is infinite, x_r is
drawn from q(x_r|x̂₀).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.path import transition
from explorer.diffusion.samplers.base import (
    Descending,
    Sampler,
    Step,
    descent,
    plan_times,
    scaled,
)
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters(Descending):
    """Choices of the Euler–Maruyama sampler."""


def reverse_step(schedule: Schedule, step: Step, r: float, noise: Tensor) -> Tensor:
    """x_r from Step t > r > 0, with z = noise, (n, …). The score is the one that x̂₀ stands for, clipped where it is."""
    q = transition(schedule, step.t, r)
    if q.forward_scale == 0:
        return torch.add(step.x0 * schedule.signal(r), noise, alpha=schedule.noise(r))
    # ∇log p = (a x̂₀ − x)/s²
    gain = q.forward_variance / schedule.noise(step.t) ** 2
    x = scaled(step.x, 1 - math.log(q.forward_scale) - gain)
    x.add_(step.x0, alpha=gain * schedule.signal(step.t))
    return x.add_(noise, alpha=math.sqrt(q.forward_variance))


def update(schedule: Schedule, step: Step, r: float, noise: Callable[[], Tensor], parameters: Parameters) -> Tensor:
    """See the module's formula."""
    return reverse_step(schedule, step, r, noise()) if r > 0 else step.x0


SAMPLER = Sampler(
    "euler_maruyama",
    "Euler–Maruyama",
    "The reverse SDE in small steps: first order, fresh noise at each.",
    Parameters,
    default_steps=500,
    plan=plan_times,
    sample=descent(update),
)
