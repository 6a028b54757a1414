"""The axes of a plane: their numbers, and the frame."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.ui import theme
from explorer.ui.plane_frame import PlaneFrame

EDGE = 14
"""Pixels from an end of the plane: a number nearer to it would be cut off."""
CORNER = 22


def paint_axes(painter: QPainter, frame: PlaneFrame) -> None:
    """Along the left and the lower edge."""
    area = frame.area
    low_x, low_y = frame.place(frame.visible.bottomLeft())
    high_x, high_y = frame.place(frame.visible.topRight())
    font = painter.font()
    font.setPointSizeF(7.5)
    painter.setFont(font)
    muted = QColor(theme.current().muted)
    painter.setPen(QPen(muted, 1))
    for value in ticks(low_x, high_x):
        x = area.left() + (value - low_x) / (high_x - low_x) * area.width()
        if not area.left() + EDGE < x < area.right() - EDGE / 2:
            continue  # half of its number would be cut off
        _label(painter, QRectF(x - 20, area.bottom() - 16, 40, 12), Qt.AlignmentFlag.AlignCenter, value)
    for value in ticks(low_y, high_y):
        y = area.bottom() - (value - low_y) / (high_y - low_y) * area.height()
        if y > area.bottom() - CORNER or y < area.top() + EDGE / 2:
            continue  # the corner belongs to the other axis
        # Without a line at the edge, which before a number would be read as its minus sign.
        _label(painter, QRectF(area.left() + 6, y - 6, 40, 12), Qt.AlignmentFlag.AlignVCenter, value)
    painter.setPen(QPen(QColor(theme.current().border), 1))
    painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))


def _label(painter: QPainter, box: QRectF, alignment: Qt.AlignmentFlag, value: float) -> None:
    """A number on an axis, on a little ground of its own: arrows and densities lie below."""
    text = f"{value:g}".replace("-", "−")
    ground = QColor(theme.current().canvas)
    painter.fillRect(painter.boundingRect(box, alignment, text).adjusted(-3, 0, 3, 0), ground)
    painter.drawText(box, alignment, text)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers strictly between low and high."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    values = [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]
    return [value for value in values if low + step * 0.1 < value < high - step * 0.1]
