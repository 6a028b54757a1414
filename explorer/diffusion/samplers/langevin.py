"""Langevin dynamics at one noise level.

    x_{i+1} = x_i + c ∇log p_t(x_i) + √(2c) z

The time stays where it is; with enough steps x forgets where it started, except for the shares of
well-separated modes, which plain Langevin practically never corrects.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers.base import Sampler, Step, first_step, observe, parameter, rms
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.times import time_at_ratio


@dataclass(frozen=True)
class Parameters:
    """Choices of plain Langevin dynamics."""

    level: float = parameter(0.3, "Level σ/a", "Noise-to-signal ratio of the density p_t that is sampled", 0.0, 100.0)
    step_size: float = parameter(
        0.2, "Step size", "c = ½ · step size · s(t)²; beyond about 1 it becomes unstable", 0.0, 2.0
    )
    add_noise: bool = parameter(True, "Noise", "Without the noise term every sample climbs to a mode and stays there")


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[float]:
    """steps updates at one time. Raises ValueError for none."""
    return stay(schedule, steps, parameters.level)


def stay(schedule: Schedule, steps: int, level: float) -> list[float]:
    """The times of `steps` updates at the t whose s/a is `level`."""
    if steps < 1:
        raise ValueError(f"the number of steps must be at least 1, got {steps}")
    return [time_at_ratio(schedule, level)] * (steps + 1)


def langevin_step(
    x: Tensor, score: Tensor, c: float, noise: Tensor | None, spread: float | None = None
) -> tuple[Tensor, dict[str, float]]:
    """One update x + c score + spread z, with the root-mean-square size of its two terms. spread: None for √(2c)."""
    drift = score * c
    x = x + drift
    extras = {"drift": rms(drift)}
    if noise is not None:
        spread = math.sqrt(2 * c) if spread is None else spread
        x.add_(noise, alpha=spread)
        extras["diffusion"] = spread
    return x, extras


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
    """See the module's formula. c is relative to s(t)², so one number suits every level."""
    step = first_step(denoiser, x, times[start], start, history)
    yield step
    for index in range(start + 1, len(times)):
        c = 0.5 * parameters.step_size * schedule.noise(step.t) ** 2
        x, extras = langevin_step(step.x, step.prediction.score, c, noise(index) if parameters.add_noise else None)
        step = observe(denoiser, x, times[index], index, extras=extras)
        yield step


SAMPLER = Sampler(
    "langevin",
    "Langevin",
    "A noisy climb along the score at one noise level.",
    Parameters,
    default_steps=200,
    plan=plan,
    sample=sample,
)
