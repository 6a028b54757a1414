"""How all plots look and behave: still, with thin axes and small numbers in the theme's colours."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from explorer.ui import theme

SIDES = ("left", "bottom")
LABEL = {"font-size": "8pt"}


class NumberAxis(pg.AxisItem):
    """With true minus signs."""

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
