"""Measuring the bound in continuous time level by level, with what each schedule would make of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.continuous import (
    REFERENCES,
    LevelErrors,
    LossCurve,
    count_ends,
    loss_curve,
    noise_error,
    prior_cost,
    reconstruction_cost,
)
from explorer.diffusion.likelihood.gaussian import summed
from explorer.diffusion.likelihood.results import Floats
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.times import times_at_ratios

LEVELS = 49
"""Noise levels that are measured, evenly over log SNR."""
COARSE = 4
"""Every fourth first, so that there is a picture early on."""
OWN = "own"
EARLIEST = 1e-9
"""0⁺ of continuous time, as a part of T."""


@dataclass(frozen=True, eq=False)
class ContinuousElbo:
    """The three terms in nats of each sample, (n,), and the loss by schedule, the model's OWN first.

    first, last: ω = −log SNR at the ends. fraction: 0 … 1 of the levels; before 1 the diffusion term is a rough one.
    """

    prior: Floats
    reconstruction: Floats
    diffusion: Floats
    losses: dict[str, LossCurve]
    first: float
    last: float
    fraction: float


def continuous_elbo(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    condition: Condition = None,
    levels: int = LEVELS,
    values: int = 256,
) -> Iterator[ContinuousElbo]:
    """Level by level, the last with all of them. x_0: (n, …) in [−1, 1] with so many `values`.

    Raises ValueError for a path that does not keep the variance, and for a denoiser that gives no numbers.
    """
    schedule, d = denoiser.schedule, x_0[0].numel()
    if not schedule.variance_preserving:
        raise ValueError("the bound in continuous time is that of a path that keeps the variance")
    first, last = ends(schedule)
    wanted = np.linspace(first, last, levels)
    prior = prior_cost(summed(x_0.square()), d, torch.tensor(last, dtype=torch.float64)).numpy()
    at_ends = count_ends(x_0)
    reconstruction = reconstruction_cost(at_ends, d, torch.tensor(first, dtype=torch.float64), values).numpy()
    shapes = {OWN: own_omega(schedule), **{name: make(first, last) for name, make in REFERENCES.items()}}
    found: dict[float, Floats] = {}
    outer = (0, levels - 1)
    order = sorted(range(levels), key=lambda i: (i not in outer, i % COARSE != 0, i))
    for done, i in enumerate(order, 1):
        # Of whole times the nearest, whose own level then counts.
        t = _edge(schedule, i == 0) if i in outer else times_at_ratios(schedule, [math.exp(wanted[i] / 2)])[0]
        errors = noise_error(denoiser, x_0, noise(i, Stream.FORWARD), t, condition).numpy()
        if not bool(np.isfinite(errors).all()):
            raise ValueError(f"the network returned values that are not finite at t = {t:g}")
        found[-schedule.log_snr(t)] = errors
        if done == levels or done > 2:
            omega = np.array(sorted(found))
            each = np.stack([found[level] for level in sorted(found)])
            known = LevelErrors(omega, each.mean(1), np.square(each).mean(1))
            losses = {name: loss_curve(known, shape) for name, shape in shapes.items()}
            diffusion = 0.5 * np.trapezoid(each, omega, axis=0)
            yield ContinuousElbo(prior, reconstruction, diffusion, losses, first, last, done / levels)


def ends(schedule: Schedule) -> tuple[float, float]:
    """ω = −log SNR at the least noise a network is asked at, and at t = T."""
    return -schedule.log_snr(_edge(schedule, True)), -schedule.log_snr(schedule.T)


def own_omega(schedule: Schedule) -> Callable[[Floats], Floats]:
    """u in 0 … 1 → ω, between the ends; between whole times along a straight line."""
    start, T = _edge(schedule, True), schedule.T
    if schedule.discrete:
        t = np.arange(1, T + 1)
        omega = -schedule.log_snr(torch.from_numpy(t)).numpy()
        return lambda u: np.interp(1 + (T - 1) * u, t, omega)

    def continuous(u: Floats) -> Floats:
        values: Floats = -schedule.log_snr(torch.from_numpy(np.clip(start + (T - start) * u, start, T))).numpy()
        return values

    return continuous


def _edge(schedule: Schedule, first: bool) -> float:
    if not first:
        return float(schedule.T)
    return 1.0 if schedule.discrete else EARLIEST * schedule.T
