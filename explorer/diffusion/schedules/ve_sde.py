"""The variance-exploding SDE dx = √(dσ²/du) dw (Song et al. 2021, eq. 9; appendix C): a = 1, s = σ(u).

σ(u) = sigma_min (sigma_max/sigma_min)^u for u > 0 and σ(0) = 0: as in the paper, s jumps to sigma_min at 0⁺.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from explorer.diffusion.schedules.continuous import ContinuousSchedule, Real


@dataclass(frozen=True, eq=False)
class VESDE(ContinuousSchedule):
    """sigma_min, sigma_max: in units of the data. Raises ValueError unless 0 < sigma_min < sigma_max."""

    sigma_min: float = 0.01
    sigma_max: float = 50.0
    name: str = field(default="ve_sde", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.sigma_min < self.sigma_max:
            raise ValueError(f"0 < sigma_min < sigma_max must hold, got {self.sigma_min}, {self.sigma_max}")

    def _signal(self, u: Real) -> Real:
        return np.ones_like(u)

    def _noise(self, u: Real) -> Real:
        return np.where(u > 0, self.sigma_min * (self.sigma_max / self.sigma_min) ** u, 0.0)

    def _fraction(self, ratio: float) -> float:
        return math.log(ratio / self.sigma_min) / math.log(self.sigma_max / self.sigma_min)
