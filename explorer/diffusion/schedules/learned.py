"""A schedule that was trained with its model (Kingma et al. 2021, §3.1, appendix H): ᾱ = sigmoid(−ω).

ω(u) = −log SNR rises with u = t/T from ω(0) to ω(1), both learned, along a shape that a network of one hidden layer
with weights above 0 makes, so that no weights whatever let it fall:

    ω(u) = ω(0) + (ω(1) − ω(0)) (g(u) − g(0))/(g(1) − g(0)),    g(u) = c u + Σ_k v_k sigmoid(r_k u + b_k)

At t = 0 the program's x_t is the data itself, so s jumps from 0 to √sigmoid(ω(0)) at 0⁺, as that of the VE SDE does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.schedules.continuous import ContinuousSchedule, Real

HALVINGS = 60
"""Of 0 … 1, which leaves nothing of float64's precision to gain."""


@dataclass(frozen=True, eq=False)
class MonotoneShape:
    """g of the module's text. straight: c, above 0. steps, rates: v and r, above 0; offsets: b; all (k,) float64."""

    straight: float
    steps: NDArray[np.float64]
    rates: NDArray[np.float64]
    offsets: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.steps.shape == self.rates.shape == self.offsets.shape or self.steps.ndim != 1:
            raise ValueError("the shape of a learned schedule needs as many steps, rates and offsets")
        numbers = np.concatenate([[self.straight], self.steps, self.rates, self.offsets])
        if not np.isfinite(numbers).all():
            raise ValueError("the learned schedule holds numbers that are not finite")
        if self.straight <= 0 or (self.steps <= 0).any() or (self.rates <= 0).any():
            raise ValueError("the weights of a learned schedule must be above 0, or log-SNR need not fall")

    def __call__(self, u: Real) -> Real:
        """g(u), of u's shape."""
        bends = _sigmoid(np.multiply.outer(u, self.rates) + self.offsets)
        return np.asarray(self.straight * u + bends @ self.steps)[()]


def straight_shape() -> MonotoneShape:
    """ω linear in u."""
    nothing = np.zeros(0)
    return MonotoneShape(1.0, nothing, nothing, nothing)


@dataclass(frozen=True, eq=False)
class LearnedSchedule(ContinuousSchedule):
    """first, last: ω(0) < ω(1). Raises ValueError where they do not rise."""

    shape: MonotoneShape = field(default_factory=straight_shape)
    first: float = -13.3
    last: float = 5.0
    name: str = field(default="learned", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.first) and math.isfinite(self.last) and self.first < self.last):
            raise ValueError(f"the log-SNR of a learned schedule must fall, from {-self.first:g} to {-self.last:g}")

    def omega(self, u: Real) -> Real:
        """ω = −log SNR at 0 ≤ u ≤ 1; at 0 its limit."""
        g = self.shape
        return self.first + (self.last - self.first) * (g(u) - g(np.float64(0))) / self._rise

    @property
    def _rise(self) -> Real:
        return self.shape(np.float64(1)) - self.shape(np.float64(0))

    def _signal(self, u: Real) -> Real:
        return np.where(u > 0, np.sqrt(_sigmoid(-self.omega(u))), 1.0)

    def _noise(self, u: Real) -> Real:
        return np.where(u > 0, np.sqrt(_sigmoid(self.omega(u))), 0.0)

    def _log_snr(self, u: Real) -> Real:
        return np.where(u > 0, -self.omega(u), np.inf)

    def _fraction(self, ratio: float) -> float:
        wanted = 2 * math.log(ratio)
        if wanted <= self.first:
            return 0.0
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if float(self.omega(np.float64(middle))) < wanted else (low, middle)
        return high

    @property
    def betas(self) -> Tensor | None:
        """1 − ᾱ(t)/ᾱ(t − 1) for t = 1 … T: the discrete chain whose marginals at whole t are the same."""
        log_alphas_cumprod = 2 * np.log(self._signal(np.arange(self.T + 1) / self.T))
        return torch.from_numpy(np.asarray(-np.expm1(np.diff(log_alphas_cumprod))))

    @property
    def variance_preserving(self) -> bool:
        return True


def _sigmoid(x: Real) -> Real:
    # Neither overflows nor loses the digits of small values.
    return np.exp(-np.logaddexp(0.0, -x))
