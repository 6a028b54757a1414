"""Heun's method for the probability-flow ODE (Karras et al. 2022, algorithm 1 without its churn).

With y = x/a and σ = s/a, where dy/dσ = ε̂: an Euler step to σ_r, a second look at the model there, and the step again
with the mean of both slopes,

    y_r = y_t + (σ_r − σ_t) ½ (ε̂(y_t, σ_t) + ε̂(y_r^Euler, σ_r)).

The step to σ = 0 is Euler's, as in the paper, and so is one from σ = ∞, where no signal is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers.base import (
    Descending,
    Sampler,
    Step,
    first_step,
    limit_of,
    observe,
    plan_times,
    scaled,
)
from explorer.diffusion.samplers.euler import euler_step
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters(Descending):
    """Choices of the Heun sampler."""


def sample(
    denoiser: Denoiser,
    schedule: Schedule,
    x: Tensor,
    times: Sequence[float],
    noise: NoiseSource,
    parameters: Parameters,
    history: Sequence[Step] = (),
    start: int = 0,
) -> Iterator[Step]:
    """See the module's formula. Takes no noise."""
    limit = limit_of(parameters)
    step = first_step(denoiser, x, times[start], start, history, limit)
    yield step
    for index in range(start + 1, len(times)):
        r = times[index]
        x = euler_step(schedule, step, r)
        a_t, s_r = schedule.signal(step.t), schedule.noise(r)
        if a_t > 0 and s_r > 0:
            ahead = observe(denoiser, x, r, index, limit)
            bend = _slope(schedule, ahead) - _slope(schedule, step)
            x = torch.add(x, bend, alpha=0.5 * (s_r - schedule.noise(step.t) * schedule.signal(r) / a_t))
        step = observe(denoiser, x, r, index, limit)
        yield step


def _slope(schedule: Schedule, step: Step) -> Tensor:
    """ε̂ = (x − a x̂₀)/s, which follows x̂₀ where that is clipped."""
    s = schedule.noise(step.t)
    return scaled(step.x, 1 / s).add_(step.x0, alpha=-schedule.signal(step.t) / s)


SAMPLER = Sampler(
    "heun",
    "Heun",
    "The probability-flow ODE with a second look at the end of each step: second order, two looks a step.",
    Parameters,
    default_steps=25,
    plan=plan_times,
    sample=sample,
)
