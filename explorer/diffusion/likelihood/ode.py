"""log p(x_0) by the probability-flow ODE (Song et al. 2021) on any path (a, s).

In z = x_t/√(a² + s²) every path preserves variance: z = ã x_0 + s̃ ε with ã² + s̃² = 1, and with L = log(s/a), that
is −½ log SNR, in place of time the ODE needs neither drift nor diffusion of the path:

    dz/dL = s̃ ε̂ − s̃² z        d log p(z)/dL = −div_z (s̃ ε̂ − s̃² z)

(instantaneous change of variables, Chen et al. 2018). It is solved from the least noise, where z = ã x_0, to the
most, where p is taken to be the prior, as it is for the model. What comes out is the model's density at x_0 of the
data with noise of σ = s/a at the start.

The steps are classical Runge–Kutta of order 4, even in L as far as the times allow it. A model of discrete times
knows no time half-way, so each step is made in that power of the noise level, σ^p, in which its middle time is
half-way; for p → 0 that is L itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.divergence import exact_divergence, hutchinson_divergence
from explorer.diffusion.likelihood.gaussian import gaussian_log_density, summed
from explorer.diffusion.likelihood.results import LogLikelihood
from explorer.diffusion.schedules import Schedule


class Leg(NamedTuple):
    """The times of one step: where it begins, its middle, its end."""

    start: float
    middle: float
    end: float


def log_likelihood(
    denoiser: Denoiser,
    x_0: Tensor,
    steps: int = 100,
    probes: Tensor | None = None,
    condition: Condition = None,
    start: float | None = None,
    end: float | None = None,
) -> LogLikelihood:
    """log p of each sample x_0 (n, …), on the denoiser's device; accuracy follows its dtype.

    steps: at most, of four calls of the denoiser each; fewer where discrete times lie too far apart. probes:
    (m, n, …) for Hutchinson's estimate of the divergence, None for the exact one, which costs as many backward
    passes as a sample has numbers. start, end: times; by default the first and last whose noise level is finite
    and above 0. Not to be called inside torch.inference_mode(). Raises ValueError for impossible times and steps.
    """
    calls = log_likelihood_steps(denoiser, x_0, steps, probes, condition, start, end)
    while True:
        try:
            next(calls)
        except StopIteration as finished:
            found: LogLikelihood = finished.value
            return found


def log_likelihood_steps(
    denoiser: Denoiser,
    x_0: Tensor,
    steps: int = 100,
    probes: Tensor | None = None,
    condition: Condition = None,
    start: float | None = None,
    end: float | None = None,
) -> Generator[None, None, LogLikelihood]:
    """`log_likelihood` that can be left alone after each call of the denoiser, of which there are 4 for each of the
    `legs`."""
    schedule, d = denoiser.schedule, x_0[0].numel()
    plan = legs(schedule, steps, start, end)
    divergence = _divergence(probes)
    ode = _Flow(denoiser, condition, divergence)
    a_0, r_0 = _scales(schedule, plan[0].start)
    z = x_0 * (a_0 / r_0)
    zeros = torch.zeros(1 if probes is None else len(probes), len(x_0), dtype=torch.float64)
    gained, path, times = zeros, [zeros], [plan[0].start]
    for leg in plan:
        z, change = yield from ode.step(schedule, z, leg)
        gained = gained + change
        path.append(gained)
        times.append(leg.end)
    _, r_T = _scales(schedule, plan[-1].end)
    prior = gaussian_log_density(summed((z * r_T).square()), d, schedule.prior_std(plan[-1].end) ** 2)
    log_p_end = prior + d * math.log(r_T)
    # gained[k] = log p(z at the start) − log p(z at time k)
    total = log_p_end + gained
    along = torch.stack(
        [(total - part).mean(0) - d * math.log(_scales(schedule, t)[1]) for part, t in zip(path, times, strict=True)]
    )
    log_density = total + d * math.log(a_0 / r_0)  # of x_0 + σ ε = z r_0/a_0
    return LogLikelihood(
        log_density.mean(0).numpy(),
        _probe_error(log_density, exact=probes is None).numpy(),
        torch.tensor(times, dtype=torch.float64).numpy(),
        along.numpy(),
        4 * len(plan),
    )


def legs(schedule: Schedule, steps: int, start: float | None = None, end: float | None = None) -> tuple[Leg, ...]:
    """The times of at most `steps` steps, even in log SNR as far as the schedule's times allow, ascending in t.

    Discrete steps span an even number of times, so that a step of many has its middle nearly half-way in log SNR.
    """
    first = start if start is not None else (1 if schedule.discrete else 1e-4 * schedule.T)
    last = end if end is not None else _last(schedule, first)
    if steps < 1:
        raise ValueError(f"the ODE needs at least one step, not {steps}")
    if not 0 < first < last or (schedule.discrete and (last - first) % 2):
        apart = ", an even number of times later" if schedule.discrete else ""
        raise ValueError(f"the ODE goes from a time above 0 to a later one{apart}, not from {first} to {last}")
    low, high = _level(schedule, first), _level(schedule, last)
    inner = (_time(schedule, low + (high - low) * k / steps, first, last) for k in range(1, steps))
    bounds = [first, *sorted({t for t in inner if first < t < last}), last]
    return tuple(_leg(schedule, s, e) for s, e in pairwise(bounds))


def _leg(schedule: Schedule, start: float, end: float) -> Leg:
    if schedule.discrete:
        return Leg(start, (start + end) // 2, end)
    return Leg(start, _time(schedule, (_level(schedule, start) + _level(schedule, end)) / 2, start, end), end)


@dataclass(frozen=True, eq=False)
class _Flow:
    """The ODE and its Runge–Kutta step."""

    denoiser: Denoiser
    condition: Condition
    divergence: Callable[[Callable[[Tensor], Tensor], Tensor], tuple[Tensor, Tensor]]

    def __call__(self, z: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """dz/dL and its divergence, (m, n) in float64 on the CPU."""
        schedule = self.denoiser.schedule
        _, r = _scales(schedule, t)
        s = schedule.noise(t) / r
        value, trace = self.divergence(
            lambda z: s * self.denoiser(z * r, t, self.condition).eps - s * s * z,
            z,
        )
        return value, trace.to("cpu", torch.float64)

    def step(self, schedule: Schedule, z: Tensor, leg: Leg) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """z at the leg's end and the integral of the divergence over the leg, (m, n). Yields after each call."""
        low, middle, high = (_level(schedule, t) for t in leg)
        at_start, at_middle, at_end = _rates(low, middle, high)
        v1, d1 = self(z, leg.start)
        yield
        v2, d2 = self(z + 0.5 * at_start * v1, leg.middle)
        yield
        v3, d3 = self(z + 0.5 * at_middle * v2, leg.middle)
        yield
        v4, d4 = self(z + at_middle * v3, leg.end)
        yield
        z = z + (at_start * v1 + 2 * at_middle * (v2 + v3) + at_end * v4) / 6
        return z, (at_start * d1 + 2 * at_middle * (d2 + d3) + at_end * d4) / 6


def _rates(low: float, middle: float, high: float) -> tuple[float, float, float]:
    """dL/dw at the three times, where w grows from 0 to 1 with σ^p and is ½ at the middle. The arguments are L."""
    span = high - low
    q = _power((middle - low) / span)
    if abs(q) < 1e-6:
        return span, span, span
    # w = (e^{qξ} − 1)/(e^q − 1) with ξ = (L − low)/span, so dL/dw = span (e^q − 1)/(q e^{qξ}); at the middle
    # e^{qξ} = (1 + e^q)/2 exactly.
    return (
        span * math.expm1(q) / q,
        span * 2 * math.tanh(q / 2) / q,
        span * -math.expm1(-q) / q,
    )


def _power(m: float) -> float:
    """q with log((1 + e^q)/2)/q = m, for m in (0, 1): by bisection of a function that rises from 0 to 1."""
    low, high = -500.0, 500.0
    for _ in range(80):
        q = (low + high) / 2
        # log((1 + e^q)/2), without overflow
        found = 0.5 if abs(q) < 1e-9 else (max(q, 0.0) + math.log1p(math.exp(-abs(q))) - math.log(2)) / q
        low, high = (q, high) if found < m else (low, q)
    return (low + high) / 2


def _divergence(
    probes: Tensor | None,
) -> Callable[[Callable[[Tensor], Tensor], Tensor], tuple[Tensor, Tensor]]:
    def exact(f: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
        value, trace = exact_divergence(f, z)
        return value, trace.unsqueeze(0)

    if probes is None:
        return exact
    return lambda f, z: hutchinson_divergence(f, z, probes)


def _probe_error(log_density: Tensor, exact: bool) -> Tensor:
    """(n,). log_density: (m, n), one row for each probe."""
    if exact:
        return torch.zeros_like(log_density[0])
    if len(log_density) == 1:
        return torch.full_like(log_density[0], math.nan)
    return log_density.std(0) / math.sqrt(len(log_density))


def _scales(schedule: Schedule, t: float) -> tuple[float, float]:
    """a and √(a² + s²)."""
    a = schedule.signal(t)
    return a, math.hypot(a, schedule.noise(t))


def _level(schedule: Schedule, t: float) -> float:
    """L = log σ = −½ log SNR."""
    return -0.5 * schedule.log_snr(t)


def _last(schedule: Schedule, first: float) -> float:
    """The last time that has a signal, without which there is no x_0 to speak of; T where that is possible."""
    last: float = schedule.T
    if schedule.log_snr(last) == -math.inf:
        last = last - 1 if schedule.discrete else last * (1 - 1e-4)
    return last - (last - first) % 2 if schedule.discrete else last


def _time(schedule: Schedule, level: float, low: float, high: float) -> float:
    """The time in [low, high] whose L comes nearest, by bisection: L rises with t. Discrete times are an even number
    of times after low, as high must be."""
    if not schedule.discrete:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _level(schedule, middle) < level else (low, middle)
        return (low + high) / 2
    below, above = 0, round(high - low) // 2
    while above - below > 1:
        between = (below + above) // 2
        below, above = (between, above) if _level(schedule, low + 2 * between) < level else (below, between)
    return min((low + 2 * below, low + 2 * above), key=lambda t: abs(_level(schedule, t) - level))
