"""A network that takes (x, time, label) as our denoisers call it: with t in 0 … T (0 is data), labels or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.diffusion.schedules import Schedule

Time: TypeAlias = Callable[[Schedule, float], float]
"""(schedule, our t) → the number that a network is given."""


@dataclass(frozen=True, eq=False)
class TimedCall:
    """(x_t, t, condition) → output, for NetworkDenoiser.

    network: (x, times (n,) float32) → output, with labels (n,) as a third argument where no_label is given, which is
    the label of samples without one.
    """

    network: nn.Module | Callable[..., Tensor]
    schedule: Schedule
    time: Time
    no_label: int | None = None

    def on(self, schedule: Schedule) -> TimedCall:
        """The same network on another schedule."""
        return replace(self, schedule=schedule)

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        x = x_t.contiguous()
        # full() makes the numbers on the device: no copy, no waiting for them.
        times = torch.full((len(x),), self.time(self.schedule, t), dtype=torch.float32, device=x.device)
        if self.no_label is None:
            output: Tensor = self.network(x, times)
            return output.contiguous()
        if condition is None:
            labels = torch.full((len(x),), self.no_label, dtype=torch.int64, device=x.device)
        else:
            labels = torch.where(condition == NO_LABEL, self.no_label, condition)
        output = self.network(x, times, labels)
        return output.contiguous()


def index(_: Schedule, t: float) -> float:
    """Tables that count from 0: our t = 1 is their 0."""
    return t - 1


def index_of_1000(schedule: Schedule, t: float) -> float:
    """The same, as if there were 1000 times."""
    return (t - 1) * 1000 / schedule.T


def sigma(schedule: Schedule, t: float) -> float:
    """The noise level σ = s/a."""
    return schedule.noise(t) / schedule.signal(t)
