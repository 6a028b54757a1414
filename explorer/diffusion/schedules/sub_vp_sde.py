"""The sub-VP SDE (Song et al. 2021, eq. 13), whose variance stays below that of the VP SDE at every time.

dx = −½ β x du + √(β (1 − a⁴)) dw has the marginal a = exp(−½ ∫β) and s² = (1 − a²)², that is s = 1 − a².
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from explorer.diffusion.schedules.continuous import Real
from explorer.diffusion.schedules.vp_sde import VPSDE


@dataclass(frozen=True, eq=False)
class SubVPSDE(VPSDE):
    """β(u) and a(u) as in VPSDE."""

    name: str = field(default="sub_vp_sde", init=False)

    def _noise(self, u: Real) -> Real:
        return -np.expm1(2 * self._log_signal(u))

    def _fraction(self, ratio: float) -> float:
        # (1 − a²)/a = ratio has the root a = √(1 + h²) − h = exp(−asinh h), h = ratio/2.
        return self._fraction_at(2 * math.asinh(ratio / 2))

    @property
    def betas(self) -> Tensor | None:
        return None

    @property
    def variance_preserving(self) -> bool:
        return False
