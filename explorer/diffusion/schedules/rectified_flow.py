"""The straight path of flow matching and rectified flow (Lipman et al. 2023; Liu et al. 2023): x_t = (1 − u) x_0 + u ε.

No signal is left at t = T, where s/a is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.diffusion.schedules.continuous import ContinuousSchedule, Real


@dataclass(frozen=True, eq=False)
class RectifiedFlow(ContinuousSchedule):
    """a = 1 − t/T, s = t/T."""

    name: str = field(default="rectified_flow", init=False)

    def _signal(self, u: Real) -> Real:
        return 1.0 - u

    def _noise(self, u: Real) -> Real:
        return u

    def _fraction(self, ratio: float) -> float:
        return ratio / (1 + ratio)
