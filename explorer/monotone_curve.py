"""A smooth curve through points that never leaves the range between neighbours: monotone piecewise cubics.

Fritsch & Butland 1984 (the "PCHIP" of other libraries): the slope at an inner point is the weighted harmonic mean of
the secants beside it, and 0 where they differ in sign; at an end a parabola through three points gives it, limited
to keep the shape. Plain numpy: the window draws the same curve that a schedule is made of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def monotone_curve(points: Sequence[tuple[float, float]], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve at x, float64, of x's shape. points: (x, y), x strictly rising, at least two; beyond the ends the
    curve goes on with the cubic of the last piece, so x should lie between them.

    Raises ValueError for fewer points, or an x that does not rise.
    """
    if len(points) < 2:
        raise ValueError("a curve needs at least two points")
    px = np.array([p[0] for p in points], np.float64)
    py = np.array([p[1] for p in points], np.float64)
    h = np.diff(px)
    if not np.all(h > 0):
        raise ValueError("the points of a curve must go from left to right")
    secants = np.diff(py) / h
    slopes = _slopes(h, secants)
    i = np.clip(np.searchsorted(px, x, side="right") - 1, 0, len(h) - 1)
    u = (x - px[i]) / h[i]
    value: NDArray[np.float64] = (
        py[i] * (1 + 2 * u) * (1 - u) ** 2
        + py[i + 1] * u**2 * (3 - 2 * u)
        + h[i] * u * (1 - u) * (slopes[i] * (1 - u) - slopes[i + 1] * u)
    )
    return value


def _slopes(h: NDArray[np.float64], secants: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(h) == 1:
        return np.array([secants[0], secants[0]])
    before, after = secants[:-1], secants[1:]
    w_before, w_after = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    same = before * after > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w_before + w_after) / (w_before / before + w_after / after)
    inner = np.where(same, mean, 0.0)
    first = _end_slope(h[0], h[1], secants[0], secants[1])
    last = _end_slope(h[-1], h[-2], secants[-1], secants[-2])
    return np.concatenate([[first], inner, [last]])


def _end_slope(h: float, h_next: float, secant: float, secant_next: float) -> float:
    slope = ((2 * h + h_next) * secant - h * secant_next) / (h + h_next)
    if slope * secant <= 0:
        return 0.0
    if secant * secant_next <= 0 and abs(slope) > 3 * abs(secant):
        return 3 * secant
    return slope
