"""Numbers with names in a tile: a few as rows with their values, many as bars side by side that can be dragged."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.lenses.drawable import Quantities
from explorer.ui import theme
from explorer.ui.plane_axes import ticks
from explorer.ui.short_text import true_minus

MARGIN = 12
NUMBER_ROOM = 108
MAX_ROW = 46
AXIS_ROOM = 30
NAMES_ROOM = 16
MOST_ROWS = 8
"""More are drawn side by side."""
LEAST_REACH = 3.0
"""Of numbers that can be dragged: three standard deviations of the prior."""


class QuantitiesView(QWidget):
    """Paints Quantities. moved(number, value): the user dragged one."""

    moved = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Quantities | None = None
        self._held: int | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def show_drawable(self, quantities: Quantities) -> None:
        """Show numbers; while one is held, the axis stays."""
        self._shown = quantities
        self.setCursor(Qt.CursorShape.SizeVerCursor if quantities.movable else Qt.CursorShape.ArrowCursor)
        self.update()

    def clear_drawable(self) -> None:
        """Show nothing."""
        self._shown = self._held = None
        self.update()

    # Geometry of bars side by side

    def _area(self) -> QRectF:
        return QRectF(AXIS_ROOM, 6, max(self.width() - AXIS_ROOM - 6, 10), max(self.height() - 6 - NAMES_ROOM, 10))

    def _ends(self) -> tuple[float, float]:
        """The values at the bottom and the top."""
        shown = self._shown
        assert shown is not None
        if shown.movable:
            reach = max(LEAST_REACH, float(abs(shown.centre).max() + shown.spread.max()))
            return -1.05 * reach, 1.05 * reach
        low, high = min(float((shown.data - shown.spread).min()), 0.0), float((shown.data + shown.spread).max())
        return low, max(high * 1.05, low + 1e-3)

    def _y(self, value: float) -> float:
        low, high = self._ends()
        area = self._area()
        return area.bottom() - (min(max(value, low), high) - low) / (high - low) * area.height()

    def _side_by_side(self) -> bool:
        return self._shown is not None and (self._shown.movable or len(self._shown.data) > MOST_ROWS)

    def number_at(self, x: float) -> int | None:
        """Which number's bar is at an x of this widget."""
        if self._shown is None or not len(self._shown.data):
            return None
        area = self._area()
        place = int((x - area.left()) / area.width() * len(self._shown.data))
        return place if area.left() <= x and place < len(self._shown.data) else None

    def place_of(self, number: int, value: float) -> QPointF:
        """Where a value of a number is."""
        assert self._shown is not None
        area = self._area()
        return QPointF(area.left() + (number + 0.5) * area.width() / len(self._shown.data), self._y(value))

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._shown is not None and self._shown.movable:
            self._held = self.number_at(event.position().x())
            self._move(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            self._move(event)
        elif self._side_by_side() and (number := self.number_at(event.position().x())) is not None:
            QToolTip.showText(event.globalPosition().toPoint(), self._words(number), self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = None

    def _move(self, event: QMouseEvent) -> None:
        if self._held is None:
            return
        low, high = self._ends()
        area = self._area()
        share = min(max((area.bottom() - event.position().y()) / area.height(), 0.0), 1.0)
        self.moved.emit(self._held, low + share * (high - low))

    def _words(self, number: int) -> str:
        shown = self._shown
        assert shown is not None
        text = f"{shown.names[number]} = {true_minus(f'{shown.data[number]:+.2f}')} {shown.unit}".strip()
        if shown.movable:
            text += true_minus(f"    μ ± σ = {shown.centre[number]:+.2f} ± {shown.spread[number]:.2f}")
        return text.replace("-", "−")

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._shown is None or not len(self._shown.data):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._side_by_side():
            self._paint_bars(painter, self._shown)
        else:
            self._paint_rows(painter, self._shown)

    def _paint_bars(self, painter: QPainter, shown: Quantities) -> None:
        t, area = theme.current(), self._area()
        font = painter.font()
        font.setPointSizeF(7.5)
        painter.setFont(font)
        low, high = self._ends()
        for value in ticks(low, high):
            y = self._y(value)
            painter.setPen(QPen(QColor(t.border), 1))
            painter.drawLine(QLineF(area.left(), y, area.right(), y))
            painter.setPen(QColor(t.muted))
            box = QRectF(0, y - 7, AXIS_ROOM - 4, 14)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, f"{value:g}".replace("-", "−"))
        slot = area.width() / len(shown.data)
        width = max(min(0.62 * slot, 26.0), 1.0)
        band = QColor(t.series[1])
        band.setAlpha(90)
        for i, (value, centre, spread) in enumerate(zip(shown.data, shown.centre, shown.spread, strict=True)):
            x = self.place_of(i, 0.0).x()
            if shown.movable:
                top, bottom = self._y(float(centre + spread)), self._y(float(centre - spread))
                painter.fillRect(QRectF(x - width / 2, top, width, bottom - top), band)
                painter.setPen(QPen(QColor(t.series[1]), 1.5))
                middle = self._y(float(centre))
                painter.drawLine(QLineF(x - width / 2, middle, x + width / 2, middle))
            self._paint_value(painter, shown, x, width, float(value), i == self._held)
            if slot >= 20 or i % 5 == 0:
                painter.setPen(QColor(t.muted))
                painter.drawText(
                    QRectF(x - 20, area.bottom() + 2, 40, NAMES_ROOM - 2), Qt.AlignmentFlag.AlignCenter, str(i)
                )

    def _paint_value(
        self, painter: QPainter, shown: Quantities, x: float, width: float, value: float, held: bool
    ) -> None:
        t = theme.current()
        zero, y = self._y(0.0), self._y(value)
        if not shown.movable:
            painter.fillRect(QRectF(x - width / 2, min(zero, y), width, abs(zero - y)), QColor(t.series[0]))
            return
        painter.setPen(QPen(QColor(t.accent), 2))
        painter.drawLine(QLineF(x, zero, x, y))
        painter.setPen(QPen(QColor(t.surface), 1.5))
        painter.setBrush(QColor(t.accent))
        radius = min(max(width / 2, 3.0), 6.5) + (1.0 if held else 0.0)
        painter.drawEllipse(QPointF(x, y), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_rows(self, painter: QPainter, shown: Quantities) -> None:
        t, metrics = theme.current(), painter.fontMetrics()
        names = min(max(metrics.horizontalAdvance(name) for name in shown.names) + 14, self.width() // 2)
        row = min((self.height() - 2 * MARGIN) / len(shown.data), MAX_ROW)
        top = (self.height() - row * len(shown.data)) / 2
        left, room = MARGIN + names, max(self.width() - 2 * MARGIN - names - NUMBER_ROOM, 20)
        longest = max(float(abs(shown.data).max()), 1e-6)
        centre = Qt.AlignmentFlag.AlignVCenter
        for i, (value, spread) in enumerate(zip(shown.data, shown.spread, strict=True)):
            y = top + i * row
            colour = QColor(t.series[0] if value < 0 else t.series[1])
            painter.fillRect(QRectF(left, y + 0.25 * row, room * abs(float(value)) / longest, 0.5 * row), colour)
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(MARGIN, y, names - 10, row), Qt.AlignmentFlag.AlignRight | centre, shown.names[i])
            painter.setPen(QColor(t.text))
            words = f"{value:.2f} ± {spread:.2f}".replace("-", "−")
            place = QRectF(left + room + 8, y, NUMBER_ROOM, row)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | centre, words)
