"""The timeline's slider: t = 0 (data) on the left, T (noise) on the right, on any of three scales."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QSlider, QWidget

from explorer.engine.frame import ScheduleTable
from explorer.ui import theme
from explorer.ui.time_axis import Scale, nearest, positions

MARGIN = 14.0
"""Room beside the axis for half a handle, shared with the filmstrip below."""
AXIS_Y = 14.0
MAX_TICKS = 260


class TimeSlider(QSlider):
    """A QSlider over 0 … T that paints its own axis, a run's steps as ticks and Langevin levels as bands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("timestepSlider")
        self.setAccessibleName("Timestep")
        self.setToolTip("t: 0 is clean data, T the most noise. ←/→ one step, Shift+←/→ ten.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._schedule: ScheduleTable | None = None
        self._scale: Scale = "t"
        self._steps: Sequence[int] = ()
        self._made = 0
        self._levels = False
        self._names: tuple[str, ...] = ()
        self._places = positions(1, None, "t")
        self._shown_numbers: tuple[int, list[tuple[float, str, float, float]]] | None = None
        self._handle_x = MARGIN
        """Where the handle was last painted."""
        self._axis = QPixmap()
        self._axis_of: tuple[QSize, float, str] | None = None
        """The size, pixel ratio and theme that the picture of the axis was painted for."""
        self.setRange(0, 1)

    def sizeHint(self) -> QSize:
        return QSize(400, 44)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 44)

    def set_time(self, T: int, schedule: ScheduleTable | None) -> None:
        """The model's T, and its schedule once that is known."""
        self._schedule = schedule
        self.setRange(0, T)
        self._place_all()

    def set_names(self, names: Sequence[str]) -> None:
        """What stands at t = 0 … T in place of the numbers, where each time is a level; empty for the numbers."""
        self._names = tuple(names)
        self._shown_numbers = None
        self._redraw()

    def set_scale(self, scale: Scale) -> None:
        self._scale = scale
        self._place_all()

    def set_steps(self, times: Sequence[int], made: int, levels: bool) -> None:
        """A run's plan, how many of its steps are made, and whether they form levels. Empty for none."""
        self._steps, self._made, self._levels = times, made, levels
        self._redraw()

    def x_of(self, t: int) -> float:
        """The x of a time in this widget."""
        return MARGIN + float(self._places[min(max(t, 0), len(self._places) - 1)]) * (self.width() - 2 * MARGIN)

    def _place_all(self) -> None:
        self._places = positions(self.maximum(), self._schedule, self._scale)
        self._shown_numbers = None
        self._redraw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def _follow(self, event: QMouseEvent) -> None:
        place = (event.position().x() - MARGIN) / max(self.width() - 2 * MARGIN, 1)
        self.setValue(nearest(self._places, place))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._axis_of != (looks := (self.size(), self.devicePixelRatioF(), theme.current().name)):
            self._axis_of = looks
            self._paint_axis()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._axis)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t, x, y = theme.current(), self.x_of(self.value()), AXIS_Y
        self._handle_x = x
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(t.accent))
        painter.drawRoundedRect(QRectF(MARGIN, y - 2, x - MARGIN, 4), 2, 2)
        painter.setPen(QPen(QColor(t.window), 2))
        painter.setBrush(QColor(t.accent if self.isEnabled() else t.border))
        radius = 9 if self.hasFocus() or self.isSliderDown() else 8
        painter.drawEllipse(QPointF(x, y), radius, radius)

    def _paint_axis(self) -> None:
        """Everything but the handle, as a picture: the handle moves at every picture of a drag."""
        ratio = self.devicePixelRatioF()
        self._axis = QPixmap(self.size() * ratio)
        self._axis.setDevicePixelRatio(ratio)
        self._axis.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._axis)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_steps(painter, AXIS_Y)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().border))
        painter.drawRoundedRect(QRectF(MARGIN, AXIS_Y - 2, self.width() - 2 * MARGIN, 4), 2, 2)
        painter.setFont(self.font())
        self._paint_numbers(painter, AXIS_Y)
        painter.end()

    def sliderChange(self, change: QAbstractSlider.SliderChange) -> None:
        """A new value changes the slider between the old and the new place of its handle, and nowhere else."""
        if change != QAbstractSlider.SliderChange.SliderValueChange:
            super().sliderChange(change)
            return
        left, right = sorted((self._handle_x, self.x_of(self.value())))
        self.update(QRectF(left - 12, 0, right - left + 24, self.height()).toAlignedRect())

    def _redraw(self) -> None:
        self._axis_of = None
        self.update()

    def _paint_steps(self, painter: QPainter, y: float) -> None:
        if len(self._steps) == 0:
            return
        t = theme.current()
        if self._levels:
            distinct = sorted(set(self._steps) - {0})
            painter.setPen(Qt.PenStyle.NoPen)
            for i, time in enumerate(distinct):
                before = self.x_of(distinct[i - 1]) if i else self.x_of(0)
                after = self.x_of(distinct[i + 1]) if i + 1 < len(distinct) else self.x_of(self.maximum())
                here = self.x_of(time)
                colour = QColor(t.series[1] if i % 2 else t.series[2])
                colour.setAlpha(90)
                painter.fillRect(QRectF((before + here) / 2, y - 12, (after - before) / 2, 24), colour)
                painter.fillRect(QRectF(here - 0.75, y - 12, 1.5, 24), QColor(t.muted))
            return
        made, ahead = QColor(t.warning), QColor(t.muted)
        ahead.setAlpha(140)
        stride = max(1, len(self._steps) // MAX_TICKS)
        for i in range(0, len(self._steps), stride):
            painter.setPen(QPen(made if i < self._made else ahead, 1.2))
            x = self.x_of(self._steps[i])
            painter.drawLine(QPointF(x, y - 11), QPointF(x, y - 5))

    def _paint_numbers(self, painter: QPainter, y: float) -> None:
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        muted = QColor(theme.current().muted)
        for x, text, low, width in self._numbers(painter.fontMetrics()):
            painter.setPen(QPen(muted, 1))
            painter.drawLine(QPointF(x, y + 9), QPointF(x, y + 13))
            painter.drawText(QRectF(low, y + 14, width, 14), Qt.AlignmentFlag.AlignCenter, text)

    def _numbers(self, metrics: QFontMetrics) -> list[tuple[float, str, float, float]]:
        """x, text, left and width of the numbers there is room for; kept until the width or the scale changes."""
        if self._shown_numbers is not None and self._shown_numbers[0] == self.width():
            return self._shown_numbers[1]
        T = self.maximum()
        numbers = []
        candidates = sorted({0, T, *(round(i * T / 10) for i in range(11))}, key=lambda v: (v not in (0, T), v))
        taken: list[tuple[float, float]] = []
        for value in candidates:
            x = self.x_of(value)
            text = {0: "0  data", T: f"noise  {T}"}.get(value, str(value))
            if len(self._names) == T + 1:
                text = self._names[value]
            width = float(metrics.horizontalAdvance(text) + 10)
            low = MARGIN - 6 if value == 0 else x - width + 6 if value == T else x - width / 2
            if any(low < b and low + width > a for a, b in taken):
                continue
            taken.append((low, low + width))
            numbers.append((x, text, low, width))
        self._shown_numbers = (self.width(), numbers)
        return numbers
