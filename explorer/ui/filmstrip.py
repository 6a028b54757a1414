"""x_t along the time axis, as small pictures; a click goes there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.lenses.colour import packed_sheet
from explorer.lenses.drawable import Floats, Image
from explorer.lenses.splat import splat
from explorer.ui import theme
from explorer.ui.line_thumbnail import upright_histogram
from explorer.ui.plane_layers import group_colours
from explorer.ui.time_slider import MARGIN

SIZE = 44
HALF_WIDTH = 3.5
"""Of the plane, for thumbnails of points."""


class Filmstrip(QWidget):
    """Frames by (step or time), each below its time on the axis; where there is no room for all, each slot shows the
    frame whose time is nearest to it."""

    chosen = Signal(int, int)
    """time, step"""

    def __init__(self, x_of: Callable[[int], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setAccessibleName("Filmstrip of x_t")
        self.setToolTip("x_t along the time axis. Click to go there.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._x_of = x_of
        self._frames: dict[int, tuple[int, Floats]] = {}
        self._pictures: dict[int, QImage] = {}
        self._slots: list[tuple[QRectF, int]] = []
        self._range = (-1.0, 1.0)
        self._spread = False
        self._levels = False
        self._here: tuple[int, int | None] = (0, None)
        self._marked: int | None = None
        """The frame that was painted as the one on show."""

    def sizeHint(self) -> QSize:
        return QSize(400, SIZE + 4)

    def set_range(self, value_range: tuple[float, float]) -> None:
        """The values drawn black and white."""
        self._range = value_range

    def set_here(self, t: int, step: int | None) -> None:
        """The time on show, and the step of a run; None for a forward view."""
        self._here = (t, step)
        if (marked := self._nearest()) != self._marked:  # in a drag that is often: the other frames stay as they are
            for slot, number in self._slots:
                if number in (marked, self._marked):
                    self.update(_around(slot))

    def _nearest(self) -> int | None:
        """The number of the frame nearest to what is on show, of those that are seen; None where there is none."""
        t, step = self._here
        shown = [number for _, number in self._slots if number in self._frames]
        if not shown:
            return None
        if step is not None:
            return min(shown, key=lambda number: abs(number - step))
        x = self._x_of(t)
        return min(shown, key=lambda number: abs(self._x_of(self._frames[number][0]) - x))

    def set_spread(self, spread: bool) -> None:
        """Whether the run stays at one time, so that its steps are spread over the axis in their order."""
        self._spread = spread
        self.update()

    def set_levels(self, levels: bool) -> None:
        """Whether times are a few levels, each with a picture of its own below it."""
        self._levels = levels
        self.update()

    @property
    def steps(self) -> list[int]:
        """The steps that it has a picture of, in order."""
        return sorted(self._frames)

    def clear(self) -> None:
        self._frames.clear()
        self._pictures.clear()
        self.update()

    def restyle(self) -> None:
        """The theme's colours."""
        self._pictures.clear()
        self.update()

    def add(self, step: int, t: int, thumbnail: Floats) -> None:
        """Add or replace the frame of a step. thumbnail: (channels, height, width), numbers (n, 1), or points,
        (n, 2) or with the piece that each belongs to (n, 3)."""
        self._frames[step] = (t, thumbnail)
        self._pictures.pop(step, None)
        self.update()

    def drop_after(self, step: int) -> None:
        """Forget frames beyond a step."""
        for other in [other for other in self._frames if other > step]:
            del self._frames[other]
            self._pictures.pop(other, None)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # The nearest picture, so that the gaps between them are no dead places; frames may have gone since the paint.
        x = event.position().x()
        there = [(abs(slot.center().x() - x), step) for slot, step in self._slots if step in self._frames]
        distance, step = min(there, default=(math.inf, 0))
        if distance <= SIZE:
            self.chosen.emit(self._frames[step][0], step)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._slots = self._layout()
        self._marked, t = self._nearest(), theme.current()
        for slot, step in self._slots:
            if not event.region().intersects(_around(slot)):
                continue
            painter.drawImage(slot, self._picture(step))
            painter.setPen(QPen(QColor(t.accent), 2) if step == self._marked else QPen(QColor(t.border), 1))
            painter.drawRect(slot.adjusted(-1, -1, 1, 1) if step == self._marked else slot)

    def _layout(self) -> list[tuple[QRectF, int]]:
        if not self._frames:
            return []
        steps = np.array(self.steps)
        x = np.array([self._x_of(self._frames[int(step)][0]) for step in steps])
        if self._spread:
            x = np.linspace(self.width() - MARGIN, MARGIN, len(steps)) if len(steps) > 1 else x
        left, right = SIZE / 2 + 1, self.width() - SIZE / 2 - 1
        # Drawn together a little, so that those at both ends are whole.
        own = np.interp(x, (MARGIN, self.width() - MARGIN), (left, right))
        if self._levels:
            own = np.clip(x, left, right)
        if self._levels or np.abs(np.diff(own)).min(initial=math.inf) > SIZE:
            boxes = [QRectF(float(centre) - SIZE / 2, 2, SIZE, SIZE) for centre in own]
            return list(zip(boxes, steps.tolist(), strict=True))
        width = self.width() - 2 * MARGIN
        count = max(1, int(width // (SIZE + 6)))
        spacing = width / count
        slots = []
        for i in range(count):
            centre = MARGIN + (i + 0.5) * spacing
            nearest = int(np.abs(x - centre).argmin())
            if abs(x[nearest] - centre) <= spacing * 0.5 + 1:
                slots.append((QRectF(centre - SIZE / 2, 2, SIZE, SIZE), int(steps[nearest])))
        return slots

    def _picture(self, step: int) -> QImage:
        if step not in self._pictures:
            self._pictures[step] = self._render(self._frames[step][1])
        return self._pictures[step]

    def _render(self, thumbnail: Floats) -> QImage:
        if thumbnail.shape[1:] == (1,):
            canvas = upright_histogram(thumbnail[:, 0], SIZE, HALF_WIDTH)
        elif thumbnail.ndim == 2:
            canvas = np.full((SIZE, SIZE), QColor(theme.current().canvas).rgb(), np.uint32)
            x = (thumbnail[:, 0] / HALF_WIDTH + 1) * np.float32(SIZE / 2)
            y = (1 - thumbnail[:, 1] / HALF_WIDTH) * np.float32(SIZE / 2)
            pieces = thumbnail[:, 2] if thumbnail.shape[1] > 2 else np.zeros(len(thumbnail))
            splat(canvas, x, y, pieces.astype(np.uint8), group_colours(), 1)
        else:
            canvas = packed_sheet(Image(thumbnail[None], "data", self._range))
        height, width = canvas.shape
        picture = QImage(canvas.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return picture.scaled(SIZE, SIZE, Qt.AspectRatioMode.IgnoreAspectRatio)


def _around(slot: QRectF) -> QRect:
    """The place of a frame with the line around the one on show."""
    return slot.adjusted(-3, -3, 3, 3).toAlignedRect()
