"""Forward noising step by step: q(x_t | x_{t−1}) composed, which is q(x_t | x_0) in one jump.

    x_t = α_t x_{t−1} + σ_t ε_t     has     x_t = (∏ α_i) x_0 + n_t,   n_t = α_t n_{t−1} + σ_t ε_t

The chain's own noise n_t does not depend on x_0, so the chains of one number, made once for all times, serve any x_0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from explorer.diffusion.path import transition
from explorer.diffusion.schedules import Schedule

Floats = NDArray[np.float32]
MOST_STEPS = 1000
"""A schedule of more times is gone along in as many longer steps."""


@dataclass(frozen=True, eq=False)
class Chains:
    """times: (k + 1,), from 0 to T. noise: float32 (k + 1, n), n_t of each chain. scale: (k + 1,), the product of the
    α up to there, which should be a(t); variance: (k + 1,), of n_t as the recursion gives it, which should be s(t)²."""

    times: NDArray[np.int64]
    noise: Floats
    scale: NDArray[np.float64]
    variance: NDArray[np.float64]

    def at(self, t: float) -> int:
        """The number of the time nearest to t."""
        return int(np.abs(self.times - t).argmin())


@lru_cache(maxsize=2)
def chains(schedule: Schedule, n: int, seed: int = 0) -> Chains:
    """n chains of one number through all times of the schedule. One seed, one result."""
    stride = math.ceil(schedule.T / MOST_STEPS)
    times = np.unique(np.append(np.arange(0, schedule.T, stride), schedule.T))
    random = np.random.Generator(np.random.Philox(seed))
    noise = np.zeros((len(times), n), np.float32)
    scale, variance = np.ones(len(times)), np.zeros(len(times))
    for i in range(1, len(times)):
        step = transition(schedule, int(times[i]), int(times[i - 1]))
        fresh = random.standard_normal(n, np.float32)
        noise[i] = step.forward_scale * noise[i - 1] + math.sqrt(step.forward_variance) * fresh
        scale[i] = step.forward_scale * scale[i - 1]
        variance[i] = step.forward_scale**2 * variance[i - 1] + step.forward_variance
    return Chains(times, noise, scale, variance)


def kolmogorov_smirnov(x: NDArray[np.float64], mean: float, variance: float) -> tuple[float, float]:
    """How far the samples x (n,) are from N(mean, variance): the greatest distance D of the two distribution
    functions, and about how likely one as great is by chance (Kolmogorov's series)."""
    n = len(x)
    below = np.array([0.5 * math.erfc((mean - value) / math.sqrt(2 * variance)) for value in np.sort(x)])
    rank = np.arange(n)
    distance = float(max((below - rank / n).max(), ((rank + 1) / n - below).max()))
    z = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    if z < 0.3:
        return distance, 1.0
    chance = 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * z) ** 2) for k in range(1, 101))
    return distance, min(max(chance, 0.0), 1.0)
