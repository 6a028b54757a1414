"""The probability-flow ODE by an adaptive method: Dormand & Prince 1980, order 5 with an error estimate of order 4.

With ρ² = a² + s² and the angle φ = atan2(s, a), which goes from π/2 (noise alone) to 0 (data), z = x/ρ moves by

    z = cos φ x_0 + sin φ ε,   dz/dφ = v̂ = cos φ ε̂ − sin φ x̂₀ = (a z − ρ x̂₀)/s

on every path (Salimans & Ho 2022, appendix D, for ρ = 1); nothing in it is infinite where no signal is left. Between
two times of the plan the method takes as many steps as the tolerance asks for. The error is that of the worst
sample of the batch, so a sample depends on its neighbours, but by no more than the tolerance.

A discrete model says nothing between its times: there v̂(z, φ) is interpolated in φ between the two around it, which
takes two looks. The step to t = 0 goes on to t = 1, the last time there is, and takes x̂₀ there.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

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
    parameter,
    plan_times,
)
from explorer.diffusion.schedules import ContinuousSchedule, Schedule

Field: TypeAlias = Callable[[Tensor, float], Tensor]
"""(z, φ) → dz/dφ"""

STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""Row i: the weights of the slopes so far in the point where slope i + 1 is taken. The last is the result."""
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""The result of order 5 less that of order 4."""
LAST = 1
"""The time below which the ODE is not followed: networks know none."""
SMALLEST = 1e-7
"""Steps below this share of an interval mean that the tolerance cannot be met."""


@dataclass(frozen=True)
class Own:
    """What no other sampler has."""

    rtol: float = parameter(1e-4, "Relative tolerance", "Error allowed in each step, relative to x", 1e-7, 0.1)
    atol: float = parameter(1e-4, "Absolute tolerance", "Error allowed in each step, in units of x", 1e-7, 0.1)


@dataclass(frozen=True)
class Parameters(Descending, Own):
    """Choices of the adaptive solver."""


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
    """See the module's text. Takes no noise. extras: `looks`, how often the model was asked on the way.

    Raises ValueError for a tolerance that is not positive or cannot be met.
    """
    if not (parameters.rtol >= 0 and parameters.atol > 0):
        raise ValueError("the tolerances must be positive")
    limit = limit_of(parameters)
    looks = 0

    def look(x: Tensor, t: float) -> Tensor:
        nonlocal looks
        looks += 1
        return observe(denoiser, x, t, 0, limit).x0

    field = _continuous(schedule, look) if isinstance(schedule, ContinuousSchedule) else _interpolated(schedule, look)
    step = first_step(denoiser, x, times[start], start, history, limit)
    yield step
    for index in range(start + 1, len(times)):
        r, looks = times[index], 0
        x, x0, to = step.x, step.x0, max(r, min(LAST, step.t))
        if to < step.t:
            z = x / _scale(schedule, step.t)
            slope = _slope(schedule, z, x0, step.t)
            z = integrate(field, z, slope, angle(schedule, step.t), angle(schedule, to), parameters)
            x = z * _scale(schedule, to)
            x0 = look(x, to) if r == 0 else x0
        x = x0 if r == 0 else x
        step = observe(denoiser, x, r, index, limit, {"looks": float(looks)})
        yield step


def integrate(field: Field, z: Tensor, slope: Tensor, begin: float, end: float, parameters: Parameters) -> Tensor:
    """z at the angle `end`, from z and its slope at `begin`. The first step tries the whole way."""
    at, h = begin, end - begin
    while True:
        last = abs(h) >= abs(end - at) * (1 - 1e-9)
        h = end - at if last else h
        slopes = [slope]
        for row, node in zip(STAGES, NODES, strict=True):
            point = _weighted(z, slopes, row, h)
            slopes.append(field(point, at + node * h))
        error = _error(_weighted(None, slopes, ERROR, h), z, point, parameters)
        if error <= 1:
            z, slope, at = point, slopes[-1], at + h
            if last:
                return z
        # NaN counts as an error beyond measure.
        h *= min(max(0.9 * error**-0.2, 0.2), 5.0) if error > 0 else 5.0 if error == 0 else 0.2
        if abs(h) < SMALLEST * abs(end - begin):
            raise ValueError("the tolerance cannot be met: allow a larger one")


def angle(schedule: Schedule, t: float) -> float:
    """φ(t) in 0 … π/2."""
    return math.atan2(schedule.noise(t), schedule.signal(t))


def _scale(schedule: Schedule, t: float) -> float:
    """ρ(t)"""
    return math.hypot(schedule.noise(t), schedule.signal(t))


def _slope(schedule: Schedule, z: Tensor, x0: Tensor, t: float) -> Tensor:
    """v̂ = (a z − ρ x̂₀)/s at t > 0."""
    s = schedule.noise(t)
    return torch.add(z * (schedule.signal(t) / s), x0, alpha=-_scale(schedule, t) / s)


def _continuous(schedule: ContinuousSchedule, look: Callable[[Tensor, float], Tensor]) -> Field:
    def field(z: Tensor, phi: float) -> Tensor:
        t = schedule.time(math.tan(phi)) if phi < math.pi / 2 else float(schedule.T)
        return _slope(schedule, z, look(z * _scale(schedule, t), t), t)

    return field


def _interpolated(schedule: Schedule, look: Callable[[Tensor, float], Tensor]) -> Field:
    angles = _angles(schedule)

    def at(z: Tensor, t: int) -> Tensor:
        return _slope(schedule, z, look(z * _scale(schedule, t), t), t)

    def field(z: Tensor, phi: float) -> Tensor:
        above = min(max(bisect_left(angles, phi), 1), schedule.T)
        span = angles[above] - angles[above - 1]
        share = (angles[above] - phi) / span if above > 1 and span else 0.0
        if share <= 1e-9:
            return at(z, above)
        if share >= 1 - 1e-9:
            return at(z, above - 1)
        return torch.lerp(at(z, above), at(z, above - 1), share)

    return field


@lru_cache(maxsize=8)
def _angles(schedule: Schedule) -> tuple[float, ...]:
    """φ(t) for t = 0 … T, ascending."""
    return tuple(angle(schedule, t) for t in range(schedule.T + 1))


def _weighted(z: Tensor | None, slopes: Sequence[Tensor], weights: Sequence[float], h: float) -> Tensor:
    """z + h Σ w_i k_i, or the sum alone."""
    total = slopes[0] * (weights[0] * h) if z is None else torch.add(z, slopes[0], alpha=weights[0] * h)
    for slope, weight in zip(slopes[1:], weights[1:], strict=True):
        if weight:
            total.add_(slope, alpha=weight * h)
    return total


def _error(error: Tensor, before: Tensor, after: Tensor, parameters: Parameters) -> float:
    """The root-mean-square error of the worst sample, in units of the tolerance."""
    if error.is_meta:
        return 0.0
    allowed = torch.maximum(before.abs(), after.abs()) * parameters.rtol + parameters.atol
    return float((error / allowed).square().flatten(1).mean(1).max().sqrt())


SAMPLER = Sampler(
    "ode",
    "ODE, adaptive (Dormand–Prince)",
    "The probability-flow ODE to a given accuracy; the steps are those that are shown, not those that are made.",
    Parameters,
    default_steps=10,
    plan=plan_times,
    sample=sample,
)
