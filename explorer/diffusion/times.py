"""Which times a sampler visits. All lists descend strictly, end at 0 and speak of t in 1 … T.

"leading", "linspace" and "trailing" are the three spacings of Lin et al. 2024, table 2 (diffusers'
`timestep_spacing`, whose table index is our t − 1). "karras" is even in σ^(1/ρ), σ = s/a, from t = T to t = 1
(Karras et al. 2022, eq. 5, ρ = 7). "custom" is the user's own list.

On a schedule of whole times every list holds whole numbers; "karras" takes the nearest ones, and those that
coincide are one. On a continuous schedule its times are real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import torch

from explorer.diffusion.schedules import ContinuousSchedule, Schedule

Spacing: TypeAlias = Literal["leading", "linspace", "trailing", "karras", "custom"]
SPACINGS: tuple[Spacing, ...] = get_args(Spacing)
EVEN: tuple[Spacing, ...] = ("leading", "linspace", "trailing")
"""Those that need nothing but T."""

RHO = 7.0


def planned_times(schedule: Schedule, steps: int, spacing: Spacing, custom: str = "") -> list[float]:
    """The times of a run, the last being 0. custom: the list for the spacing "custom", which sets the number of steps.

    Raises ValueError unless 1 ≤ steps ≤ T, and for a list that is none (see `parse_times`).
    """
    if spacing == "custom":
        return parse_times(schedule, custom)
    if spacing == "karras":
        return karras_times(schedule, steps)
    return [*spaced_times(schedule.T, steps, spacing)]


def spaced_times(T: int, steps: int, spacing: Spacing = "leading") -> list[int]:
    """The steps + 1 times of a run with an even spacing. Raises ValueError unless 1 ≤ steps ≤ T."""
    _check_steps(T, steps)
    if spacing == "leading":
        ratio = T // steps
        times = [i * ratio + 1 for i in range(steps)][::-1]
    elif spacing == "linspace":
        times = [1 + round(i * (T - 1) / (steps - 1)) for i in range(steps)][::-1] if steps > 1 else [T]
    elif spacing == "trailing":
        times = [round(T - i * T / steps) for i in range(steps)]
    else:
        raise ValueError(f"unknown spacing {spacing!r}; known: {', '.join(EVEN)}")
    return [*times, 0]


def karras_times(schedule: Schedule, steps: int, rho: float = RHO) -> list[float]:
    """At most steps + 1 times, σ^(1/ρ) even between them but for the last, 0. Raises ValueError unless 1 ≤ steps ≤ T.

    Where t = T holds no signal (σ = ∞) it is visited first and the spacing begins at T − 1.
    """
    T = schedule.T
    _check_steps(T, steps)
    # σ = ∞ has no place in the formula.
    first: list[float] = [T] if steps == 1 or schedule.signal(T) == 0 else []
    count, top = steps - len(first), T - 1 if first else T
    if count == 0:
        return [*first, 0]
    high, low = ((schedule.noise(t) / schedule.signal(t)) ** (1 / rho) for t in (top, 1))
    inner = [(high + i / (count - 1) * (low - high)) ** rho for i in range(1, count - 1)]
    times = {top, 1 if count > 1 else top, *times_at_ratios(schedule, inner)}
    return [*first, *sorted(times, reverse=True), 0]


def parse_times(schedule: Schedule, text: str) -> list[float]:
    """A list such as "1000, 600, 300, 100": strictly descending, within 0 … T, 0 added where it does not end so.

    Raises ValueError, one sentence, for anything else, and for fractions on a schedule of whole times.
    """
    try:
        times = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"times are numbers with commas between them, not “{text[:60]}”") from None
    if not times or times == [0]:
        raise ValueError("the spacing “custom” needs a list of times, such as 1000, 600, 300, 100")
    if not all(0 <= t <= schedule.T for t in times):
        raise ValueError(f"every time must lie between 0 and T = {schedule.T}")
    if not all(t > r for t, r in pairwise(times)):
        raise ValueError("every time must be smaller than the one before it")
    if schedule.discrete and not all(t.is_integer() for t in times):
        raise ValueError(f"this model knows the whole times 0 … {schedule.T} alone")
    whole = [int(t) if t.is_integer() else t for t in times]
    return whole if whole[-1] == 0 else [*whole, 0]


def times_at_ratios(schedule: Schedule, ratios: Sequence[float]) -> list[float]:
    """The t in 1 … T whose σ = s(t)/a(t) is each of `ratios`; on a schedule of whole times the nearest by log σ.

    ratios: ≥ 0, in units of the data. One that no time has gives the nearer end.
    """
    if isinstance(schedule, ContinuousSchedule):
        return [max(schedule.time(ratio), 1.0) for ratio in ratios]
    rising = -schedule.log_snr(torch.arange(1, schedule.T + 1))
    wanted = torch.tensor([2 * math.log(max(ratio, 1e-12)) for ratio in ratios], dtype=rising.dtype)
    above = torch.searchsorted(rising, wanted).clamp(1, max(schedule.T - 1, 1))
    nearer = (wanted - rising[above - 1]) <= (rising[above.clamp(max=schedule.T - 1)] - wanted)
    return [int(t) for t in torch.where(nearer, above, above + 1).clamp(max=schedule.T)]


def time_at_ratio(schedule: Schedule, ratio: float) -> float:
    """The one time of `times_at_ratios`."""
    return times_at_ratios(schedule, [ratio])[0]


def _check_steps(T: int, steps: int) -> None:
    if not 1 <= steps <= T:
        raise ValueError(f"the number of steps must lie between 1 and T = {T}, got {steps}")
