"""How all plots look and behave: still, with thin axes and small numbers in the theme's colours.

Curves are not smoothed: they are painted again under every move of the cursor, and smoothing adds 3 ms to the 22 of a
look (`python -m explorer.bench look`).
"""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from explorer.ui import theme

SIDES = ("left", "bottom")
LABEL = {"font-size": "8pt"}
ROOM = {"left": 40, "bottom": 42}
"""Pixels for each number of an axis, at least, where there is room for more than two."""
LEAST_STEPS = 2


class NumberAxis(pg.AxisItem):
    """A few round numbers, with true minus signs."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        if self.logMode or high <= low:
            spacing: list[tuple[float, float]] = super().tickSpacing(low, high, size)
            return spacing
        raw = (high - low) / max(size / ROOM.get(self.orientation, ROOM["left"]), 2.0)
        power = 10.0 ** math.floor(math.log10(raw))
        steps = [power * factor for factor in (0.5, 1, 2, 5, 10)]
        chosen = next(i for i, step in enumerate(steps) if step >= raw)
        if high - low < LEAST_STEPS * steps[chosen]:  # one number alone says nothing of the scale
            chosen = max(chosen - 1, 0)
        return [(steps[chosen], 0.0)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [text.replace("-", "−") for text in super().tickStrings(values, scale, spacing)]


def hold_still(plot: Any) -> None:
    """A PlotWidget that the mouse and the keys pass by, and whose numbers get no SI prefixes."""
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    for side in SIDES:
        plot.getAxis(side).enableAutoSIPrefix(False)


def dress(plot: Any) -> None:
    """A PlotWidget in the colours of the theme in use."""
    t = theme.current()
    plot.setBackground(t.surface)
    for side in SIDES:
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(t.border))
        axis.setTextPen(pg.mkPen(t.muted))
        axis.setStyle(tickFont=small_font(), tickLength=-4)


def name_axis(plot: Any, side: str, text: str) -> None:
    """What an axis measures."""
    plot.setLabel(side, text, color=theme.current().muted, **LABEL)


def small_font() -> QFont:
    """For the numbers on an axis."""
    font = QFont("Inter")
    font.setPointSizeF(7.5)
    return font
