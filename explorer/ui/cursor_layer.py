"""The cursor of a plot over t, painted over a picture of the plot."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from explorer.ui import theme

EMPTY_MARGIN = 14
"""Pixels beside the sentence in a plot without curves."""
CURSOR_WIDTH = 1.2
SKETCH = QSizeF(46, 26)
SKETCH_GAP = 12
"""Pixels between the sketch of a plot and the words below it."""
REDRAW_MS = 60
"""A plot that changes at every step of a fast run is drawn anew at most this often."""


class CursorLayer(QWidget):
    """The plot as a picture, with the cursor painted over it.

    A plot takes ten milliseconds to draw, its cursor moves with every picture of a drag: so the plot is kept as a
    picture until its content changes.
    """

    moved = Signal(float)
    """The mouse is held at this x."""

    def __init__(self, plot: Any, empty: str) -> None:
        super().__init__(plot)
        self._plot = plot
        self._empty = empty
        self._picture = QPixmap()
        self._stale = True
        self._at_0, self._per_unit, self._box = 0.0, 0.0, QRect()
        """Where the axis lies, as of the last time the plot was drawn."""
        self._has_curves = False
        self._value = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        plot.installEventFilter(self)

    def set_value(self, value: float) -> None:
        """Move the cursor."""
        before, self._value = self._value, value
        if value == before or not self._has_curves or not self.isVisible():
            return
        if self._stale:
            self.update()
            return
        for place in (before, value):  # the plot is wide, and its cursor moves at every picture of a drag
            self.update(math.floor(self._at_0 + place * self._per_unit) - 2, 0, 5, self.height())

    def value(self) -> float:
        """Where the cursor is."""
        return self._value

    def x_of(self, value: float) -> float:
        """The x in this widget of a value."""
        scene = self._plot.getViewBox().mapViewToScene(QPointF(value, 0))
        return float(self._plot.viewportTransform().map(scene).x())

    def refresh(self, has_curves: bool) -> None:
        """The content has changed: draw it anew soon."""
        self._has_curves = has_curves
        if not self._timer.isActive():
            self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._plot.rect())
            self._redraw()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.SizeHorCursor if self._has_curves else Qt.CursorShape.ArrowCursor)
        self._follow(event)

    def _follow(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._has_curves:
            scene = self._plot.mapToScene(event.position().toPoint())
            self.moved.emit(self._plot.getViewBox().mapSceneToView(scene).x())

    def _redraw(self) -> None:
        self._stale = True
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.current()
        if not self._has_curves:
            self._say_empty(QPainter(self))
            return
        if self._stale:
            self._stale = False
            ratio = self.devicePixelRatioF()
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(QColor(t.surface))
            painter = QPainter(self._picture)
            self._plot.render(painter, QRectF(self.rect()), self.rect())
            painter.end()
            self._at_0 = self.x_of(0)
            self._per_unit = self.x_of(1) - self._at_0
            self._box = self._plot.mapFromScene(self._plot.getViewBox().sceneBoundingRect()).boundingRect()
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        painter.drawPixmap(0, 0, self._picture)
        x, box = self._at_0 + self._value * self._per_unit, self._box
        ratio = self.devicePixelRatioF()  # on whole pixels: as wide wherever it stands
        left, width = round(x * ratio) / ratio, round(CURSOR_WIDTH * ratio) / ratio
        painter.fillRect(QRectF(left, box.top(), width, box.height()), QColor(t.text))

    def _say_empty(self, painter: QPainter) -> None:
        """Without curves no axes either, whose numbers would mean nothing: what there is to do, in an outline."""
        t = theme.current()
        painter.fillRect(self.rect(), QColor(t.surface))
        frame = QRectF(self.rect()).adjusted(0.5, 4.5, -0.5, -4.5)
        painter.setPen(QPen(QColor(t.raised), 1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawRoundedRect(frame, 6, 6)
        inside = frame.adjusted(EMPTY_MARGIN, 4, -EMPTY_MARGIN, -4)
        words = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        box = painter.boundingRect(inside, words, self._empty) if self._empty else QRectF(inside.center(), QSizeF())
        if inside.height() > box.height() + 2 * SKETCH.height():
            box.translate(0, (SKETCH.height() + SKETCH_GAP) / 2)
            paint_sketch(painter, QPointF(box.center().x(), box.top() - SKETCH_GAP))
        painter.setPen(QColor(t.muted))
        painter.drawText(box, words, self._empty)


def paint_sketch(painter: QPainter, foot: QPointF) -> None:
    """Axes and a curve, for a plot that is to come. foot: the middle of its lower edge."""
    t = theme.current()
    box = QRectF(foot.x() - SKETCH.width() / 2, foot.y() - SKETCH.height(), SKETCH.width(), SKETCH.height())
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(t.border), 1.5))
    painter.drawPolyline([box.topLeft(), box.bottomLeft(), box.bottomRight()])
    curve = QPainterPath(QPointF(box.left() + 6, box.top() + 3))
    middle, end = box.center().x(), QPointF(box.right() - 3, box.bottom() - 6)
    curve.cubicTo(QPointF(middle, box.top() + 4), QPointF(middle, end.y()), end)
    painter.setPen(QPen(QColor(t.disabled), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPath(curve)
