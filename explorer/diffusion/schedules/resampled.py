"""A schedule on another number of times: the same noise levels from first to last, more or fewer of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.diffusion.schedules.base import DiscreteSchedule, Schedule
from explorer.diffusion.schedules.continuous import ContinuousSchedule


@dataclass(frozen=True, eq=False)
class Resampled(DiscreteSchedule):
    """A table that had other times. entries: how many, t = 0 not counted."""

    entries: int = 0


def resampled(schedule: Schedule, T: int) -> Schedule:
    """The schedule with the times 0 … T.

    One of continuous time is the same function of t/T. Of a table, t = 1 and t = T keep the first and the last noise
    level, and between them λ = log SNR and log (a² + s²) go in straight lines from entry to entry. Raises ValueError
    where the table has no finite λ to go to, which it needs unless its T is the same.
    """
    if schedule.T == T:
        return schedule
    if isinstance(schedule, ContinuousSchedule):
        return replace(schedule, T=T)
    times = torch.arange(1, schedule.T + 1)
    a, s = schedule.signal(times), schedule.noise(times)
    log_snr = 2 * (a.log() - s.log())
    if not bool(log_snr.isfinite().all()):
        raise ValueError(
            f"a schedule without signal or without noise at some t > 0 fits models of its own T = {schedule.T} alone, "
            f"not of T = {T}"
        )
    wanted = torch.linspace(0, schedule.T - 1, T, dtype=torch.float64)
    levels, scale = _between(wanted, log_snr), _between(wanted, (a**2 + s**2).log()).div(2).exp()
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    signal = torch.cat([one, scale * levels.sigmoid().sqrt()])
    noise = torch.cat([zero, scale * (-levels).sigmoid().sqrt()])
    betas = None
    if schedule.variance_preserving:
        betas = -torch.expm1(torch.cat([zero, torch.nn.functional.logsigmoid(levels)]).diff())
    return Resampled(schedule.name, signal, noise, betas, schedule.T)


def _between(places: Tensor, values: Tensor) -> Tensor:
    """Linear interpolation of `values` at places 0 … len − 1."""
    below = places.long().clamp(max=max(len(values) - 2, 0))
    above = (below + 1).clamp(max=len(values) - 1)
    return torch.lerp(values[below], values[above], places - below)
