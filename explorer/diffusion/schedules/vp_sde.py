"""The variance-preserving SDE dx = −½ β(u) x du + √β(u) dw (Song et al. 2021, eq. 11; appendix B)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.schedules.continuous import ContinuousSchedule, Real


@dataclass(frozen=True, eq=False)
class VPSDE(ContinuousSchedule):
    """β(u) = beta_min + u (beta_max − beta_min), so a = exp(−½ ∫β) = exp(−¼ u² (beta_max − beta_min) − ½ u beta_min)
    and s² = 1 − a².

    Raises ValueError unless 0 ≤ beta_min ≤ beta_max and beta_max > 0.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    name: str = field(default="vp_sde", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.beta_min <= self.beta_max and self.beta_max > 0):
            raise ValueError(f"0 ≤ beta_min ≤ beta_max must hold, got {self.beta_min}, {self.beta_max}")

    def _log_signal(self, u: Real) -> Real:
        return -0.25 * u**2 * (self.beta_max - self.beta_min) - 0.5 * u * self.beta_min

    def _signal(self, u: Real) -> Real:
        return np.exp(self._log_signal(u))

    def _noise(self, u: Real) -> Real:
        return np.sqrt(-np.expm1(2 * self._log_signal(u)))

    def _fraction(self, ratio: float) -> float:
        return self._fraction_at(math.log1p(ratio**2))

    def _fraction_at(self, integral: float) -> float:
        """The u at which ∫β = −log a² is `integral`: the root of ½ (beta_max − beta_min) u² + beta_min u = integral."""
        slope = self.beta_max - self.beta_min
        return 2 * integral / (self.beta_min + math.sqrt(self.beta_min**2 + 2 * slope * integral))

    @property
    def betas(self) -> Tensor | None:
        """1 − (a(t)/a(t − 1))² for t = 1 … T: the discrete chain whose marginals at whole t are the same."""
        a = self._log_signal(torch.arange(self.T + 1, dtype=torch.float64).numpy() / self.T)
        return torch.from_numpy(np.asarray(-np.expm1(2 * np.diff(a))))

    @property
    def variance_preserving(self) -> bool:
        return True
