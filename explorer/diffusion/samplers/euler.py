"""Euler's method for the probability-flow ODE (Song et al. 2021, eq. 13; Karras et al. 2022, algorithm 1, lines 4–5).

In y = x/a and σ = s/a the ODE of every path is dy/dσ = ε̂, so a step from t to r is y_r = y_t + (σ_r − σ_t) ε̂, or

    x_r = a_r x̂₀ + s_r ε̂ = (s_r/s_t) x_t + (a_r − a_t s_r/s_t) x̂₀,

which stays finite where no signal is left (σ_t = ∞). It is DDIM at η = 0, but for clipping: where x̂₀ is clipped,
ε̂ follows from it here, and is the network's own there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

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
    """Choices of the Euler sampler."""


def euler_step(schedule: Schedule, step: Step, r: float) -> Tensor:
    """x_r from x_t and x̂₀, (n, …). r < t."""
    kept = schedule.noise(r) / schedule.noise(step.t)
    return scaled(step.x, kept).add_(step.x0, alpha=schedule.signal(r) - schedule.signal(step.t) * kept)


def update(schedule: Schedule, step: Step, r: float, noise: Callable[[], Tensor], parameters: Parameters) -> Tensor:
    """See the module's formula. Takes no noise."""
    return euler_step(schedule, step, r)


SAMPLER = Sampler(
    "euler",
    "Euler",
    "The probability-flow ODE by its tangent: first order, one look at the model a step.",
    Parameters,
    default_steps=50,
    plan=plan_times,
    sample=descent(update),
)
