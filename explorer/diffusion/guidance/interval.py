"""The guidance interval (Kynkäänniemi et al. 2024): γ counts at some times, elsewhere it is 1."""

from __future__ import annotations

from typing import TypeAlias

Interval: TypeAlias = tuple[float, float] | None
"""(lo, hi) in times t, both included; None for every t."""


def check_interval(interval: Interval) -> None:
    """Raises ValueError for an interval that is empty."""
    if interval is not None and not interval[0] <= interval[1]:
        raise ValueError(f"the guidance interval {interval} is empty")


def scale_at(t: float, scale: float, interval: Interval) -> float:
    """γ at time t: 1 outside the interval."""
    return scale if interval is None or interval[0] <= t <= interval[1] else 1.0
