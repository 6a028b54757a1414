"""Control points of log-SNR over the SNR plot, to be dragged, added and removed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.engine.frame import ScheduleTable
from explorer.monotone_curve import monotone_curve
from explorer.ui import theme
from explorer.ui.time_plot import TimePlot

Points = tuple[tuple[float, float], ...]

FIRST_POINTS = 7
MAX_POINTS = 24
LEAST_FALL = 0.05
"""Between neighbours, in log-SNR: noise must grow."""
LOG_10 = math.log(10)
REACH = 11.0
"""Pixels around a handle within which it is meant."""
HIGHEST = 80.0
MARGIN = 2.0
"""Decades above and below the points that can be dragged into."""

STEPS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
"""Of the chosen point: in t by a hundredth of its range, in log-SNR by ¼."""


def points_of(table: ScheduleTable, count: int = FIRST_POINTS) -> Points:
    """Control points on a schedule's log-SNR, falling, from t = 1 to T: denser where it is steep."""
    T = int(table.t[-1])
    finite = table.log_snr[np.isfinite(table.log_snr)]
    level = np.clip(table.log_snr[1:], max(finite.min(), -HIGHEST), min(finite.max(), HIGHEST))
    along = np.linspace(0, 1, T) + (level[0] - level) / max(level[0] - level[-1], LEAST_FALL)
    times = np.unique([1, *(1 + np.searchsorted(along, np.linspace(0, along[-1], min(count, T))[1:-1])), T])
    levels = level[times - 1]
    for i in range(1, len(levels)):
        levels[i] = min(levels[i], levels[i - 1] - LEAST_FALL)
    return tuple((float(t), float(level)) for t, level in zip(times, levels, strict=True))


class ScheduleHandles(QWidget):
    """Lies over a TimePlot of SNR while the schedule is edited. edited(points): a drag ended, a point came or went.

    Away from the handles a drag moves the plot's cursor, as ever.
    """

    edited = Signal(object)

    def __init__(self, plot: TimePlot) -> None:
        super().__init__(plot.plot)
        self.setObjectName("scheduleHandles")
        self.setAccessibleName("Control points of log-SNR: arrow keys move the chosen one, Delete removes it")
        self.setToolTip(
            "Drag a point; double-click adds one, right-click or Delete removes it.\n"
            "log SNR(t) goes smoothly and monotonely through the points, ᾱ = sigmoid(log SNR)."
        )
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._plot = plot
        self._points: Points = ()
        self._chosen: int | None = None
        self._dragging = False
        self._moved = False
        plot.plot.installEventFilter(self)
        self.hide()

    @property
    def points(self) -> Points:
        """(t, log-SNR), t rising."""
        return self._points

    def set_points(self, points: Sequence[tuple[float, float]]) -> None:
        """Show control points, which must make a schedule."""
        if self._dragging:
            return
        self._points = tuple(points)
        if self._chosen is not None and self._chosen >= len(self._points):
            self._chosen = None
        self._hold_range()
        self.update()

    def begin(self) -> None:
        """Show the handles, on a scale that stays while they are dragged."""
        self.setGeometry(self._plot.plot.rect())
        self._hold_range()
        self.show()
        self.raise_()

    def end(self) -> None:
        """Hide the handles."""
        self.hide()
        self._dragging, self._chosen = False, None
        self._plot.plot.enableAutoRange(axis="y")
        self._plot.cursor_layer.refresh(True)

    def place(self, point: tuple[float, float]) -> QPointF:
        """Where a (t, log-SNR) is in this widget."""
        box = self._plot.plot.getViewBox()
        scene = box.mapViewToScene(QPointF(point[0], point[1] / LOG_10))
        return QPointF(self._plot.plot.mapFromScene(scene))

    # Acting

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._handle_at(event.position())
        if event.button() == Qt.MouseButton.RightButton and at is not None:
            self._remove(at)
        elif event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._chosen, self._dragging, self._moved = at, True, False
            self.update()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._move_cursor(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging and self._chosen is not None:
            self._moved = True
            self._move_chosen(*self._value_at(event.position()))
        elif event.buttons() & Qt.MouseButton.LeftButton:
            self._move_cursor(event.position())
        else:
            near = self._handle_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if near else Qt.CursorShape.SizeHorCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragging and event.button() == Qt.MouseButton.LeftButton:
            self._dragging = False
            if self._moved:
                self.edited.emit(self._points)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._handle_at(event.position()) is not None:
            return
        t, level = self._value_at(event.position())
        t = float(round(t))
        times = [point[0] for point in self._points]
        if not times[0] < t < times[-1] or t in times or len(times) >= MAX_POINTS:
            return
        index = next(i for i, time in enumerate(times) if time > t)
        high, low = self._points[index - 1][1] - LEAST_FALL, self._points[index][1] + LEAST_FALL
        if low > high:
            return
        self._points = (*self._points[:index], (t, min(max(level, low), high)), *self._points[index:])
        self._chosen = index
        self.update()
        self.edited.emit(self._points)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in STEPS:
            event.accept()  # arrows are the window's keys, but for the chosen point
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._chosen is None and key in STEPS:
            self._chosen = 0
        if self._chosen is None:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._remove(self._chosen)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._chosen = (self._chosen + (1 if key == Qt.Key.Key_PageDown else -1)) % len(self._points)
            self.update()
        elif key in STEPS:
            (dt, rise), (t, level) = STEPS[key], self._points[self._chosen]
            span = self._points[-1][0] - self._points[0][0]
            before = self._points
            self._move_chosen(t + dt * max(span / 100, 1), level + rise * 0.25)
            if self._points != before:
                self.edited.emit(self._points)
        else:
            super().keyPressEvent(event)

    def _remove(self, index: int) -> None:
        """The ends stay: a schedule goes from t = 1 to T."""
        if 0 < index < len(self._points) - 1:
            self._points = self._points[:index] + self._points[index + 1 :]
            self._chosen = None
            self.update()
            self.edited.emit(self._points)

    def _move_chosen(self, t: float, level: float) -> None:
        """As far as the neighbours allow."""
        index, points = self._chosen, self._points
        assert index is not None
        if index in (0, len(points) - 1):
            t = points[index][0]
        else:
            t = float(min(max(round(t), points[index - 1][0] + 1), points[index + 1][0] - 1))
        high = points[index - 1][1] - LEAST_FALL if index else HIGHEST
        low = points[index + 1][1] + LEAST_FALL if index + 1 < len(points) else -HIGHEST
        self._points = (*points[:index], (t, min(max(level, low), high)), *points[index + 1 :])
        self.update()

    def _move_cursor(self, position: QPointF) -> None:
        self._plot.cursor_layer.moved.emit(self._value_at(position)[0])

    def _handle_at(self, position: QPointF) -> int | None:
        apart = [(position - self.place(point)).manhattanLength() for point in self._points]
        nearest = min(range(len(apart)), key=apart.__getitem__, default=None)
        return nearest if nearest is not None and apart[nearest] <= REACH else None

    def _value_at(self, position: QPointF) -> tuple[float, float]:
        """(t, log-SNR)"""
        scene = self._plot.plot.mapToScene(position.toPoint())
        value = self._plot.plot.getViewBox().mapSceneToView(scene)
        return value.x(), value.y() * LOG_10

    def _hold_range(self) -> None:
        """The scale is that of the points with some room, and does not follow a drag."""
        if self._points:
            low, high = self._points[-1][1] / LOG_10, self._points[0][1] / LOG_10
            self._plot.plot.setYRange(low - MARGIN, high + MARGIN, padding=0)
            self._plot.cursor_layer.refresh(True)

    # Painting

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._plot.plot.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._points) < 2:
            return
        t = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._plot.plot.getViewBox()
        painter.setClipRect(self._plot.plot.mapFromScene(box.sceneBoundingRect()).boundingRect())
        x = np.linspace(self._points[0][0], self._points[-1][0], 160)
        path = QPainterPath()
        for i, point in enumerate(zip(x, monotone_curve(self._points, x), strict=True)):
            place = self.place((float(point[0]), float(point[1])))
            path.lineTo(place) if i else path.moveTo(place)
        painter.setPen(QPen(QColor(t.text), 1.6))
        painter.drawPath(path)
        for i, point in enumerate(self._points):
            chosen = i == self._chosen
            radius = 5.5 if chosen else 4.5
            place = self.place(point)
            painter.setPen(QPen(QColor(t.text), 1.6))
            painter.setBrush(QColor(t.accent if chosen else t.surface))
            painter.drawEllipse(QRectF(place.x() - radius, place.y() - radius, 2 * radius, 2 * radius))
