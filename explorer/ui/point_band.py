"""Selecting points of the plane: a rectangle drawn with Shift held, and how what lies in it is told from the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.lenses.drawable import Points
from explorer.ui import theme

FAINT = 0.28
"""How much of its colour is left of a point that is not selected."""


def points_within(points: Points, one: QPointF, other: QPointF) -> NDArray[np.bool_]:
    """Which points, (n,), lie in the rectangle between two places of the content, from its top left corner."""
    left, right, bottom, top = points.extent
    band = QRectF(one, other).normalized()
    x = (points.data[:, 0] - left) / (right - left)
    y = (top - points.data[:, 1]) / (top - bottom)
    mask: NDArray[np.bool_] = (x >= band.left()) & (x <= band.right()) & (y >= band.top()) & (y <= band.bottom())
    return mask


def fitting(selection: NDArray[np.bool_] | None, n: int) -> NDArray[np.bool_] | None:
    """The selection where it is one of n points."""
    return selection if selection is not None and selection.shape == (n,) else None


def selected_words(selection: NDArray[np.bool_]) -> str:
    """How many are selected, and how to be rid of that."""
    return f"{int(selection.sum()):,} of {len(selection):,} points selected; Esc: none"


def faint(colours: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """0xffRRGGBB numbers nearly gone in the canvas."""
    canvas = QColor(theme.current().canvas).rgb()
    mixed = np.zeros_like(colours)
    for shift in (0, 8, 16):
        own, behind = (colours >> shift) & 0xFF, (canvas >> shift) & 0xFF
        mixed |= (FAINT * own + (1 - FAINT) * behind).astype(np.uint32) << np.uint32(shift)
    return mixed | np.uint32(0xFF000000)


def paint_band(painter: QPainter, one: QPointF, other: QPointF) -> None:
    """The rectangle that is being drawn, between two positions in the widget."""
    inside = QColor(theme.current().accent)
    painter.setPen(QPen(inside, 1, Qt.PenStyle.DashLine))
    inside.setAlpha(30)
    painter.setBrush(inside)
    painter.drawRect(QRectF(one, other).normalized())
    painter.setBrush(Qt.BrushStyle.NoBrush)
