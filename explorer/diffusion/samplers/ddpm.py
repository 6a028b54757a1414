"""Ancestral sampling: draws from p_θ(x_r | x_t) = q(x_r | x_t, x̂₀) (Ho et al. 2020, algorithm 2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.path import transition
from explorer.diffusion.samplers.base import Sampler, Step, first_step, observe, parameter
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.times import SPACINGS, Spacing, spaced_times


@dataclass(frozen=True)
class Parameters:
    """Choices of the DDPM sampler."""

    variance: str = parameter(
        "beta_tilde",
        "Variance",
        "β̃ is the variance of the true posterior given x₀; β is that of the forward step, an upper bound",
        choices=("beta_tilde", "beta"),
    )
    spacing: Spacing = parameter("leading", "Spacing", "Which of the T times the steps visit", choices=SPACINGS)
    clip: bool = parameter(True, "Clip x̂₀", "Limit x̂₀ to ± the clip range at every step")
    clip_range: float = parameter(1.0, "Clip range", "Where x̂₀ is clipped; 1 for pictures in [−1, 1]", 0.1, 100.0)


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[int]:
    return spaced_times(schedule.T, steps, parameters.spacing)


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
    """x_r = c_x x_t + c_0 x̂₀ + σ z; no noise is added on the way to t = 0."""
    limit = parameters.clip_range if parameters.clip else None
    step = first_step(denoiser, x, times[start], start, history, limit)
    yield step
    for index in range(start + 1, len(times)):
        t, r = times[index - 1], times[index]
        q = transition(schedule, t, r)
        x = torch.add(step.x * q.mean_x_t, step.x0, alpha=q.mean_x0)
        variance = q.forward_variance if parameters.variance == "beta" else q.posterior_variance
        if r > 0:
            x.add_(noise(index), alpha=math.sqrt(variance))
        step = observe(denoiser, x, r, index, limit)
        yield step


SAMPLER = Sampler(
    "ddpm",
    "DDPM (ancestral)",
    "Draws each step from the model's own Gaussian p(x_{t−1} | x_t).",
    Parameters,
    default_steps=1000,
    plan=plan,
    sample=sample,
)
