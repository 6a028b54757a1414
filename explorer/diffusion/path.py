"""Transitions of the Gaussian path between two times, for every family alike.

For r < t (toward the data), x_t = a_t x_0 + s_t ε implies

    q(x_t | x_r) = N(α x_r, σ² I)        α = a_t/a_r,   σ² = s_t² − α² s_r²

and by Bayes' rule q(x_r | x_t, x_0) = N(c_x x_t + c_0 x_0, σ_q² I) with

    c_x = α s_r²/s_t²,   c_0 = a_r σ²/s_t²,   σ_q² = σ² s_r²/s_t².

With r = t − 1 and a variance-preserving path these are β_t and β̃_t of Ho et al. 2020.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from explorer.diffusion.schedules import Schedule


class Transition(NamedTuple):
    """The numbers of one transition t → r, as float64 Python numbers."""

    forward_scale: float
    """α: q(x_t|x_r) has mean α x_r."""
    forward_variance: float
    """σ², "β": the variance of q(x_t|x_r)."""
    mean_x_t: float
    """c_x"""
    mean_x0: float
    """c_0"""
    posterior_variance: float
    """σ_q², "β̃"; 0 at r = 0."""


@lru_cache(maxsize=8192)
def transition(schedule: Schedule, t: float, r: float) -> Transition:
    """The transition from t to r < t; kept, as runs go over the same times. Raises ValueError unless 0 ≤ r < t."""
    if not 0 <= r < t:
        raise ValueError(f"a reverse step goes from t to a smaller time, not from {t} to {r}")
    a_t, s_t = schedule.signal(t), schedule.noise(t)
    a_r, s_r = schedule.signal(r), schedule.noise(r)
    scale = a_t / a_r
    variance = s_t**2 - scale**2 * s_r**2
    return Transition(scale, variance, scale * s_r**2 / s_t**2, a_r * variance / s_t**2, variance * s_r**2 / s_t**2)
