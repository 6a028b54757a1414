"""DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2): second order with one look at the model a step.

The probability-flow ODE in ℓ = log(a/s), half the log SNR, is solved exactly but for x̂₀, which is taken to go on in a
straight line from the step before. With h = ℓ_r − ℓ_t and q = (ℓ_t − ℓ_before)/h,

    D   = x̂₀ + (x̂₀ − x̂₀,before)/(2q)
    x_r = (s_r/s_t) x_t + a_r (1 − e^{−h}) D.

The first step has nothing before it and the one to t = 0 has h = ∞: both are of first order, D = x̂₀.
"""

from __future__ import annotations

import math
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
    step_before,
)
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Parameters(Descending):
    """Choices of DPM-Solver++(2M)."""


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
    """See the module's formulas. Takes no noise; the step before Step `start` comes from the history."""
    limit = limit_of(parameters)
    before = step_before(history, start)
    step = first_step(denoiser, x, times[start], start, history, limit)
    yield step
    for index in range(start + 1, len(times)):
        r = times[index]
        h = (schedule.log_snr(r) - schedule.log_snr(step.t)) / 2
        x0 = step.x0
        if before is not None and math.isfinite(h):
            q = (schedule.log_snr(step.t) - schedule.log_snr(before.t)) / (2 * h)
            x0 = torch.lerp(before.x0, x0, 1 + 1 / (2 * q))
        kept = schedule.noise(r) / schedule.noise(step.t)
        x = scaled(step.x, kept).add_(x0, alpha=-schedule.signal(r) * math.expm1(-h))
        before, step = step, observe(denoiser, x, r, index, limit)
        yield step


SAMPLER = Sampler(
    "dpmpp_2m",
    "DPM-Solver++ 2M",
    "The probability-flow ODE with a memory of the step before: second order, one look a step.",
    Parameters,
    default_steps=20,
    plan=plan_times,
    sample=sample,
    memory=1,
)
