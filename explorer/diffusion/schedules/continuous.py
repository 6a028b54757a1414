"""What the schedules of continuous time share.

t is any real number in 0 ≤ t ≤ T, and u = t/T is the time of the papers, 0 … 1. T is nothing but a scale: it sets
how many whole numbers the program has for the times between data and noise.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.schedules.base import Schedule

Real: TypeAlias = np.float64 | NDArray[np.float64]
"""Numpy's functions take either, so one formula serves a sampler's single time and a plot's thousand."""


@dataclass(frozen=True, eq=False)
class ContinuousSchedule(Schedule):
    """A family gives its formulas of u. Raises ValueError for T < 1, and for a time outside 0 … T."""

    T: int = 1000

    def __post_init__(self) -> None:
        if self.T < 1:
            raise ValueError(f"T must be at least 1, got {self.T}")

    @abstractmethod
    def _signal(self, u: Real) -> Real:
        """a at u = t/T."""

    @abstractmethod
    def _noise(self, u: Real) -> Real:
        """s at u = t/T."""

    @abstractmethod
    def _fraction(self, ratio: float) -> float:
        """The u at which s/a is `ratio`, 0 < ratio < ∞; outside 0 … 1 for one that the path does not reach."""

    def time(self, ratio: float) -> float:
        """The t at which s(t)/a(t) is `ratio`, or the nearer end of 0 … T. ratio: ≥ 0, may be infinite."""
        if ratio <= 0:
            return 0.0
        if math.isinf(ratio):
            return float(self.T)
        return self.T * min(max(self._fraction(ratio), 0.0), 1.0)

    @property
    def discrete(self) -> bool:
        return False

    @overload
    def signal(self, t: float) -> float: ...
    @overload
    def signal(self, t: Tensor) -> Tensor: ...
    def signal(self, t: float | Tensor) -> float | Tensor:
        return self._evaluate(self._signal, t)

    @overload
    def noise(self, t: float) -> float: ...
    @overload
    def noise(self, t: Tensor) -> Tensor: ...
    def noise(self, t: float | Tensor) -> float | Tensor:
        return self._evaluate(self._noise, t)

    @overload
    def log_snr(self, t: float) -> float: ...
    @overload
    def log_snr(self, t: Tensor) -> Tensor: ...
    def log_snr(self, t: float | Tensor) -> float | Tensor:
        return self._evaluate(self._log_snr, t)

    def _log_snr(self, u: Real) -> Real:
        with np.errstate(divide="ignore"):  # log 0 is meant: ±∞ at the ends
            return 2 * (np.log(self._signal(u)) - np.log(self._noise(u)))

    def _evaluate(self, formula: Callable[[Real], Real], t: float | Tensor) -> float | Tensor:
        if isinstance(t, Tensor):
            u = t.detach().to("cpu", torch.float64).numpy() / self.T
            if not bool(((u >= 0) & (u <= 1)).all()):
                raise ValueError(f"times must lie between 0 and {self.T}")
            return torch.from_numpy(np.asarray(formula(u)))
        if not 0 <= t <= self.T:
            raise ValueError(f"t = {t} does not lie between 0 and {self.T}")
        return float(formula(np.float64(t / self.T)))
