"""A trained model on another noise schedule.

A network knows noise levels, not our clock: with σ = s/a, every Gaussian path visits the same distributions up to a
scale. At time t' of another schedule, where σ' = s'/a', the model is asked at its own time t with that σ about

    x_t = x_{t'} ρ/ρ',   ρ² = a² + s²,

which is exactly as likely under a x_0 + s ε as x_{t'} is under a' x_0 + s' ε; x̂₀ and ε̂ are then the answer at t' too.

A model of whole times knows a list of σ alone, and is asked at the nearest one (by log σ; at its first or last for a σ
beyond them). Its answer is carried over with x̂₀ kept where noise prevails (σ ≥ 1) and ε̂ kept where signal does, the
other following from x_{t'}: each is the one that hardly changes there, so the rounding is divided by no small number.
Where a time of both schedules has the very same a and s, the model's own prediction is returned untouched.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace

from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser, log_density
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import ContinuousSchedule, Schedule

EARLIEST = 1e-5
"""Of 0 … 1: networks of continuous time are trained from there (Song et al. 2021, appendix C)."""


@dataclass(frozen=True, eq=False)
class Rescheduled:
    """The denoiser as one of `schedule`. Guidance may be around it or within it."""

    denoiser: Denoiser
    schedule: Schedule
    _log_ratios: tuple[float, ...] = field(init=False, repr=False)
    """log σ of the model's own times 1 … T, rising; empty where its times are real numbers."""

    def __post_init__(self) -> None:
        own = self.denoiser.schedule
        ratios = () if isinstance(own, ContinuousSchedule) else tuple(-own.log_snr(t) / 2 for t in range(1, own.T + 1))
        object.__setattr__(self, "_log_ratios", ratios)

    def own_time(self, t: float) -> float:
        """The model's time whose noise level is nearest to that of t > 0 here."""
        own = self.denoiser.schedule
        wanted = -self.schedule.log_snr(t) / 2
        if isinstance(own, ContinuousSchedule):
            return max(own.time(math.exp(wanted) if wanted < 700 else math.inf), EARLIEST * own.T)
        above = bisect_left(self._log_ratios, wanted)
        if above in (0, own.T):
            return float(min(above + 1, own.T))
        nearer_below = wanted - self._log_ratios[above - 1] <= self._log_ratios[above] - wanted
        return float(above if nearer_below else above + 1)

    def scale(self, t: float, own_t: float) -> float:
        """ρ/ρ': what x at time t here is multiplied with for the model to know it at its own time."""
        own = self.denoiser.schedule
        ours = math.hypot(self.schedule.signal(t), self.schedule.noise(t))
        return math.hypot(own.signal(own_t), own.noise(own_t)) / ours

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        if s == 0.0:
            return Prediction(x_t, t, a, s, "x0", x_t)
        own, own_t = self.denoiser.schedule, self.own_time(t)
        if (own.signal(own_t), own.noise(own_t)) == (a, s):
            return replace(self.denoiser(x_t, own_t, condition), t=t)
        said = self.denoiser(x_t * self.scale(t, own_t), own_t, condition)
        if s >= a:
            return Prediction(x_t, t, a, s, "x0", said.x0)
        # f says where σ² lies between β̃ and β, whatever these are.
        return Prediction(x_t, t, a, s, "eps", said.eps, variance_fraction=said.variance_fraction)

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """The model's own, up to a constant. Raises ValueError for a model that has none."""
        if self.schedule.noise(t) == 0.0:
            return log_density(self.denoiser, x_t, 0, condition)
        own_t = self.own_time(t)
        return log_density(self.denoiser, x_t * self.scale(t, own_t), own_t, condition)
