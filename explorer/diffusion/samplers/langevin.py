"""Langevin dynamics at one noise level (`theory.md` §5).

    x_{i+1} = x_i + c ∇log p_t(x_i) + √(2c) z

The time stays where it is; with enough steps x forgets where it started, except for the shares of
well-separated modes, which plain Langevin practically never corrects.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers.base import Sampler, Step, first_step, observe, parameter
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters:
    """Choices of plain Langevin dynamics."""

    level: float = parameter(0.3, "Level σ/a", "Noise-to-signal ratio of the density p_t that is sampled", 0.0, 100.0)
    step_size: float = parameter(
        0.2, "Step size", "c = ½ · step size · s(t)²; beyond about 1 it becomes unstable", 0.0, 2.0
    )
    add_noise: bool = parameter(True, "Noise", "Without the noise term every sample climbs to a mode and stays there")


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[int]:
    if steps < 1:
        raise ValueError(f"the number of steps must be at least 1, got {steps}")
    return [time_at_ratio(schedule, parameters.level)] * (steps + 1)


def time_at_ratio(schedule: Schedule, ratio: float) -> int:
    """The t ≥ 1 whose s(t)/a(t) is nearest to `ratio` on a logarithmic scale. ratio: ≥ 0, in units of the data."""
    times = torch.arange(1, schedule.T + 1)
    wanted = -2 * math.log(max(ratio, 1e-12))
    return int((schedule.log_snr(times) - wanted).abs().argmin()) + 1


def langevin_step(x: Tensor, score: Tensor, c: float, noise: Tensor | None) -> tuple[Tensor, dict[str, float]]:
    """One update, with the root-mean-square size of its two terms."""
    drift = score * c
    x = x + drift
    extras = {"drift": _rms(drift)}
    if noise is not None:
        x.add_(noise, alpha=math.sqrt(2 * c))
        extras["diffusion"] = math.sqrt(2 * c)
    return x, extras


def _rms(x: Tensor) -> float:
    return math.nan if x.is_meta else float(x.square().mean().sqrt())


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
