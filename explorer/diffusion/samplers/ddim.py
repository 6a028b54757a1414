"""DDIM: the same marginals with less fresh noise, none at η = 0 (Song et al. 2021, eq. 12 and 16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.path import transition
from explorer.diffusion.samplers.base import (
    Descending,
    Sampler,
    Step,
    descent,
    parameter,
    plan_times,
    scaled,
)
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Own:
    """What no other sampler has."""

    eta: float = parameter(
        0.0, "η", "Fresh noise: 0 is deterministic, 1 has the variance β̃ of ancestral sampling", 0.0, 1.0
    )


@dataclass(frozen=True)
class Parameters(Descending, Own):
    """Choices of the DDIM sampler."""


def update(schedule: Schedule, step: Step, r: float, noise: Callable[[], Tensor], parameters: Parameters) -> Tensor:
    """x_r = a_r x̂₀ + √(s_r² − η² σ_q²) ε̂ + η σ_q z.

    ε̂ is the network's own, also where x̂₀ is clipped, as in diffusers' DDIMScheduler by default.
    """
    a_r, s_r, eta = schedule.signal(r), schedule.noise(r), parameters.eta
    variance = eta**2 * transition(schedule, step.t, r).posterior_variance if eta else 0.0
    x = scaled(step.prediction.eps, math.sqrt(max(s_r**2 - variance, 0.0))).add_(step.x0, alpha=a_r)
    return x.add_(noise(), alpha=math.sqrt(variance)) if variance else x


SAMPLER = Sampler(
    "ddim",
    "DDIM",
    "Deterministic at η = 0: the same x_T always gives the same picture, in few steps.",
    Parameters,
    default_steps=50,
    plan=plan_times,
    sample=descent(update),
)
