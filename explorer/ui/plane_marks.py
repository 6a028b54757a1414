"""What is written into the plane: the names of points in place of dots, and a ring about a place to point out."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.lenses.drawable import Floats, Points
from explorer.ui import theme

MOST_NAMES = 1_000
"""More points are dots, whatever their names."""
RING = 7.0


def named(points: Points) -> bool:
    """True where the points are written as their names."""
    return bool(points.names) and len(points.data) <= MOST_NAMES


def paint_names(painter: QPainter, points: Points, x: Floats, y: Floats, colours: list[QColor]) -> None:
    """Each point as its group's name. x, y: (n,), positions in the widget."""
    font = painter.font()
    font.setPointSizeF(8)
    painter.setFont(font)
    for u, v, group in zip(x, y, points.groups, strict=True):
        painter.setPen(colours[group % len(colours)])
        name = points.names[group % len(points.names)]
        painter.drawText(QRectF(float(u) - 20, float(v) - 8, 40, 16), Qt.AlignmentFlag.AlignCenter, name)


def paint_mark(painter: QPainter, x: float, y: float) -> None:
    """A ring that is seen on any ground."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(theme.current().canvas), 5.0), (QColor(theme.current().text), 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(QPointF(x, y), RING, RING)
