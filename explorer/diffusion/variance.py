"""The learned variance of p_θ(x_r | x_t) (Nichol & Dhariwal 2021, eq. 15; diffusers' `learned_range`).

    log σ² = f log β + (1 − f) log β̃

with f the network's own, one number for each of x_t's: 0 is the variance β̃ of the true posterior, 1 that of the
forward step. Nothing keeps a network within them.
"""

from __future__ import annotations

import math

from torch import Tensor

from explorer.diffusion.path import transition
from explorer.diffusion.schedules import Schedule

TINY = 1e-20
"""In place of β̃ = 0, which has no logarithm."""


def learned_variance(schedule: Schedule, t: float, r: float, fraction: Tensor) -> Tensor:
    """σ² of the step from t to r < t, of the shape of fraction f."""
    low, high = _log_bounds(schedule, t, r)
    return (fraction * (high - low) + low).exp()


def fraction_of(schedule: Schedule, t: float, r: float, variance: Tensor) -> Tensor:
    """The f whose variance of the step from t to r is the given one; of the shape of `variance`, which is σ²."""
    low, high = _log_bounds(schedule, t, r)
    return (variance.clamp(min=TINY).log() - low) / (high - low)


def _log_bounds(schedule: Schedule, t: float, r: float) -> tuple[float, float]:
    """log β̃ and log β of the step from t to r."""
    q = transition(schedule, t, r)
    return math.log(max(q.posterior_variance, TINY)), math.log(max(q.forward_variance, TINY))
