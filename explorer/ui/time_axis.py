"""Where a time lies on the timeline: by t, by log-SNR or by the noise level."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.engine.frame import ScheduleTable

Scale: TypeAlias = Literal["t", "log SNR", "noise s(t)"]
SCALES: tuple[Scale, ...] = get_args(Scale)


def positions(T: int, schedule: ScheduleTable | None, scale: Scale) -> NDArray[np.float64]:
    """For t = 0 … T the place on the axis, rising from 0 (data) to 1 (noise); (T + 1,)."""
    if schedule is None or scale == "t":
        return np.linspace(0.0, 1.0, T + 1)
    values = schedule.noise if scale == "noise s(t)" else -schedule.log_snr
    finite = values[np.isfinite(values)]
    # t = 0 has infinite log-SNR (and a zero-terminal-SNR schedule −∞ at T): half a step beyond the finite ones.
    step = (finite.max() - finite.min()) / max(len(finite), 1) * 8
    values = np.nan_to_num(values, neginf=finite.min() - step, posinf=finite.max() + step)
    values = np.maximum.accumulate(values)
    span = values[-1] - values[0]
    return np.linspace(0.0, 1.0, T + 1) if span <= 0 else (values - values[0]) / span


def nearest(places: NDArray[np.float64], place: float) -> int:
    """The t whose place on the axis is nearest."""
    right = int(np.searchsorted(places, place))
    if right == 0:
        return 0
    if right >= len(places):
        return len(places) - 1
    return right if places[right] - place < place - places[right - 1] else right - 1
