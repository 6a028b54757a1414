"""A square to draw a distribution on, in the coordinates of the plane."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import theme

HALF = 2.5
"""The square goes from −2.5 to 2.5."""
SIDE = 150

Stroke = tuple[tuple[float, float], ...]


class DrawingPad(QWidget):
    """strokes: what was drawn; a right click takes the last stroke back."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("drawingPad")
        self.setAccessibleName("Your drawing")
        self.setToolTip("Draw the density with the left button; the right one takes the last stroke back")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._strokes: list[list[tuple[float, float]]] = []

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """Each the places the pen went through."""
        return tuple(tuple(stroke) for stroke in self._strokes)

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._strokes.append([self._place(event.position())])
        elif event.button() == Qt.MouseButton.RightButton and self._strokes:
            self._strokes.pop()
        self.update()
        self.changed.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._strokes:
            self._strokes[-1].append(self._place(event.position()))
            self.update()
            self.changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top, side = self._square()
        painter.fillRect(round(left), round(top), round(side), round(side), QColor(t.canvas))
        painter.setPen(QPen(QColor(t.border), 1))
        painter.drawRect(round(left), round(top), round(side) - 1, round(side) - 1)
        if not self._strokes:
            painter.setPen(QColor(t.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "draw here")
        pen = QPen(QColor(t.accent), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for stroke in self._strokes:
            places = [QPointF(left + (x / HALF + 1) * side / 2, top + (1 - y / HALF) * side / 2) for x, y in stroke]
            painter.drawPolyline(QPolygonF(places if len(places) > 1 else places * 2))

    def _square(self) -> tuple[float, float, float]:
        """left, top and side in pixels."""
        side = float(min(self.width(), self.height()))
        return (self.width() - side) / 2, (self.height() - side) / 2, side

    def _place(self, position: QPointF) -> tuple[float, float]:
        left, top, side = self._square()
        x = HALF * (2 * (position.x() - left) / side - 1)
        y = HALF * (1 - 2 * (position.y() - top) / side)
        return min(max(x, -HALF), HALF), min(max(y, -HALF), HALF)
