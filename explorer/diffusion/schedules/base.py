"""Noise schedules: how much signal and how much noise x_t holds at time t.

Every family of diffusion models shares one Gaussian path:

    x_t = a(t) x_0 + s(t) ε,   ε ~ N(0, I),   log SNR(t) = log a(t)² / s(t)²

with t = 0 the clean data (a = 1, s = 0) and t = T the most noise.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import overload

import torch
from torch import Tensor


class Schedule(ABC):
    """The pair of functions a(t), s(t) on 0 ≤ t ≤ T.

    Each function takes a Python number and returns a float (float64 accuracy), or a tensor of
    times of any shape and returns a float64 CPU tensor of that shape.
    """

    name: str
    T: int

    @overload
    def signal(self, t: float) -> float: ...
    @overload
    def signal(self, t: Tensor) -> Tensor: ...
    @abstractmethod
    def signal(self, t: float | Tensor) -> float | Tensor:
        """a(t), the factor on x_0: 1 at t = 0."""

    @overload
    def noise(self, t: float) -> float: ...
    @overload
    def noise(self, t: Tensor) -> Tensor: ...
    @abstractmethod
    def noise(self, t: float | Tensor) -> float | Tensor:
        """s(t), the standard deviation of the noise: 0 at t = 0."""

    @overload
    def log_snr(self, t: float) -> float: ...
    @overload
    def log_snr(self, t: Tensor) -> Tensor: ...
    @abstractmethod
    def log_snr(self, t: float | Tensor) -> float | Tensor:
        """λ(t) = log a(t)²/s(t)²: +inf at t = 0, decreasing."""

    @property
    @abstractmethod
    def discrete(self) -> bool:
        """True where only the integers 0 … T are times."""

    @property
    def betas(self) -> Tensor | None:
        """β_t for t = 1 … T, shape (T,), float64, where the family has them."""
        return None

    @property
    def variance_preserving(self) -> bool:
        """True where a² + s² = 1 for all t."""
        return False

    def prior_std(self, t: float) -> float:
        """The standard deviation a run's first x is drawn with at time t: 1 where variance is preserved, else s(t)."""
        return 1.0 if self.variance_preserving else self.noise(t)


@dataclass(frozen=True, eq=False)
class DiscreteSchedule(Schedule):
    """A schedule known at the integers t = 0 … T, as tables.

    signal_table, noise_table: float64 CPU tensors of shape (T + 1,), entry 0 being (1, 0).
    beta_table: float64 of shape (T,) for t = 1 … T, or None outside the variance-preserving family.
    Raises ValueError for tables of the wrong shape, not finite, or negative.
    """

    name: str
    signal_table: Tensor
    noise_table: Tensor
    beta_table: Tensor | None = None
    T: int = field(init=False)
    _signal: dict[float | Tensor, float] = field(init=False, repr=False)
    _noise: dict[float | Tensor, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        a, s = self.signal_table, self.noise_table
        if a.ndim != 1 or a.shape != s.shape or len(a) < 2:
            raise ValueError(
                f"a schedule needs two tables of T + 1 ≥ 2 entries, got {tuple(a.shape)}, {tuple(s.shape)}"
            )
        if not bool(torch.isfinite(a).all() and torch.isfinite(s).all()):
            raise ValueError("the schedule's tables hold values that are not finite")
        if bool((a < 0).any() or (s < 0).any()):
            raise ValueError("the schedule's tables hold negative values")
        # Samplers read Python floats: indexing a tensor costs more than a whole DDIM step should.
        object.__setattr__(self, "_signal", dict(enumerate(a.tolist())))
        object.__setattr__(self, "_noise", dict(enumerate(s.tolist())))
        object.__setattr__(self, "T", len(a) - 1)

    @classmethod
    def from_betas(cls, name: str, betas: Tensor) -> DiscreteSchedule:
        """The variance-preserving schedule ᾱ_t = ∏(1 − β_i).

        betas: shape (T,), each in [0, 1]; 1 is allowed at the end alone (zero terminal SNR).
        Raises ValueError outside that range.
        """
        betas = betas.detach().to("cpu", torch.float64)
        if betas.ndim != 1 or len(betas) == 0:
            raise ValueError(f"betas must be a list of T numbers, got shape {tuple(betas.shape)}")
        if not bool(((betas >= 0) & (betas <= 1)).all()):
            raise ValueError("betas must lie between 0 and 1")
        alphas_cumprod = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas, 0)])
        return cls(name, alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt(), betas)

    @property
    def discrete(self) -> bool:
        return True

    @property
    def betas(self) -> Tensor | None:
        return self.beta_table

    @property
    def variance_preserving(self) -> bool:
        return self.beta_table is not None

    @overload
    def signal(self, t: float) -> float: ...
    @overload
    def signal(self, t: Tensor) -> Tensor: ...
    def signal(self, t: float | Tensor) -> float | Tensor:
        found = self._signal.get(t)
        if found is not None:
            return found
        if isinstance(t, Tensor):
            return self.signal_table[self._indices(t)]
        return self._signal[self._index(t)]

    @overload
    def noise(self, t: float) -> float: ...
    @overload
    def noise(self, t: Tensor) -> Tensor: ...
    def noise(self, t: float | Tensor) -> float | Tensor:
        found = self._noise.get(t)
        if found is not None:
            return found
        if isinstance(t, Tensor):
            return self.noise_table[self._indices(t)]
        return self._noise[self._index(t)]

    @overload
    def log_snr(self, t: float) -> float: ...
    @overload
    def log_snr(self, t: Tensor) -> Tensor: ...
    def log_snr(self, t: float | Tensor) -> float | Tensor:
        if isinstance(t, Tensor):
            return 2 * (self.signal(t).log() - self.noise(t).log())
        a, s = self.signal(t), self.noise(t)
        if s == 0:
            return math.inf
        return 2 * (math.log(a) - math.log(s)) if a > 0 else -math.inf

    def _index(self, t: float) -> int:
        index = int(t)
        if index != t or not 0 <= index <= self.T:
            raise ValueError(f"t = {t} is not one of the times 0 … {self.T} of this discrete schedule")
        return index

    def _indices(self, t: Tensor) -> Tensor:
        index = t.detach().to("cpu", torch.int64)
        if bool((index != t.detach().cpu()).any() or (index < 0).any() or (index > self.T).any()):
            raise ValueError(f"times must be integers from 0 to {self.T} for this discrete schedule")
        return index
