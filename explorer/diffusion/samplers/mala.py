"""The Metropolis-adjusted Langevin algorithm at one noise level (Roberts & Tweedie 1996).

A Langevin update is proposed, x' = x + c ∇log p(x) + √(2c) z, and taken with the probability

    min(1, p(x') q(x|x') / (p(x) q(x'|x))),   log q(x'|x) = −‖x' − x − c ∇log p(x)‖²/(4c) + const,

which leaves p_t unchanged whatever the step size; plain Langevin has a bias that grows with it. That takes the
density itself, so a model whose density is known. A rejected sample stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser, log_density
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers.base import Sampler, Step, first_step, parameter
from explorer.diffusion.samplers.langevin import stay
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters:
    """Choices of the Metropolis-adjusted Langevin algorithm."""

    level: float = parameter(0.3, "Level σ/a", "Noise-to-signal ratio of the density p_t that is sampled", 0.0, 100.0)
    step_size: float = parameter(
        0.5, "Step size", "c = ½ · step size · s(t)²; larger steps are rejected more often", 0.001, 100.0
    )


def plan(schedule: Schedule, steps: int, parameters: Parameters) -> list[float]:
    """steps updates at one time. Raises ValueError for none."""
    return stay(schedule, steps, parameters.level)


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
    """See the module's formulas. Raises ValueError for a denoiser without a density."""
    step = first_step(denoiser, x, times[start], start, history)
    level = log_density(denoiser, x, step.t)
    yield step
    for index in range(start + 1, len(times)):
        t, z = times[index], noise(index)
        c = 0.5 * parameters.step_size * schedule.noise(t) ** 2
        proposed = torch.add(step.x, step.prediction.score, alpha=c).add_(z, alpha=math.sqrt(2 * c))
        there = denoiser(proposed, t)
        level_there = log_density(denoiser, proposed, t)
        back = torch.add(step.x - proposed, there.score, alpha=-c)
        log_ratio = level_there - level + (0.5 * z.square() - back.square() / (4 * c)).flatten(1).sum(1)
        # Φ of a standard normal number is uniform in 0 … 1.
        log_uniform = torch.special.log_ndtr(noise(index, Stream.DECISION).flatten(1)[:, 0])
        taken = log_uniform < log_ratio
        level = torch.where(taken, level_there, level)
        mask = taken.view(-1, *(1,) * (x.ndim - 1))
        x = torch.where(mask, proposed, step.x)
        prediction = replace(there, x_t=x, output=torch.where(mask, there.output, step.prediction.output))
        accepted = math.nan if x.is_meta else float(taken.float().mean())
        step = Step(index, t, x, prediction, None, {"accepted": accepted})
        yield step


SAMPLER = Sampler(
    "mala",
    "MALA",
    "Langevin updates that are accepted or rejected, exact for every step size; needs a known density.",
    Parameters,
    default_steps=200,
    plan=plan,
    sample=sample,
    needs_density=True,
)
