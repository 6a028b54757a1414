"""The velocity of the flow that carries noise to data: û = a'(u) x̂₀ + s'(u) ε̂, with u = t/T.

On the straight path a = 1 − u, s = u it is ε̂ − x̂₀. The path is known by its values alone, so its slopes are those
between two close times: neighbours in a table of T + 1, 1/1000 of a step apart where time is continuous.
"""

from __future__ import annotations

from torch import Tensor

from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule

STEP = 1e-3
"""Between the times of a continuous schedule, in t."""


def slopes(schedule: Schedule, t: float) -> tuple[float, float]:
    """a'(u) and s'(u)."""
    h = 1.0 if schedule.discrete else STEP
    low, high = max(t - h, 0.0), min(t + h, float(schedule.T))
    width = (high - low) / schedule.T
    return (
        (schedule.signal(high) - schedule.signal(low)) / width,
        (schedule.noise(high) - schedule.noise(low)) / width,
    )


def velocity(schedule: Schedule, prediction: Prediction) -> Tensor:
    """û at the prediction's time, of x_t's shape: dx_t/du along the flow."""
    signal, noise = slopes(schedule, prediction.t)
    return signal * prediction.x0 + noise * prediction.eps
