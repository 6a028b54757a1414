"""What linked views share: zoom, pan, the place under the mouse, and how fields are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRectF, Signal

MAX_ZOOM = 64.0


class Viewport(QObject):
    """Coordinates are fractions of the whole content: (0, 0) top left, (1, 1) bottom right.

    All views of one viewport show the same part and mark the same hovered place.
    """

    changed = Signal()
    hovered = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._zoom = 1.0
        self._centre = QPointF(0.5, 0.5)
        self._hover: QPointF | None = None
        self._mark: tuple[int, int] | None = None
        self._selection: NDArray[np.bool_] | None = None
        self._streamlines = False

    @property
    def streamlines(self) -> bool:
        """True where vector fields are drawn as curves along them, not as arrows."""
        return self._streamlines

    def set_streamlines(self, on: bool) -> None:
        if on != self._streamlines:
            self._streamlines = on
            self.changed.emit()

    @property
    def zoom(self) -> float:
        """1 shows everything."""
        return self._zoom

    @property
    def hover(self) -> QPointF | None:
        """The place under the mouse, None where it is outside."""
        return self._hover

    @property
    def mark(self) -> tuple[int, int] | None:
        """Row and column of a pixel of each sample to point out, None for none."""
        return self._mark

    def set_mark(self, mark: tuple[int, int] | None) -> None:
        if mark != self._mark:
            self._mark = mark
            self.changed.emit()

    @property
    def selection(self) -> NDArray[np.bool_] | None:
        """The pixels of each sample that edits are for, (height, width); None where they are for all."""
        return self._selection

    def set_selection(self, selection: NDArray[np.bool_] | None) -> None:
        self._selection = selection
        self.changed.emit()

    def visible(self) -> QRectF:
        """The part on show."""
        size = 1 / self._zoom
        return QRectF(self._centre.x() - size / 2, self._centre.y() - size / 2, size, size)

    def zoom_about(self, place: QPointF, factor: float) -> None:
        """Zoom so that `place` stays where it is on the screen."""
        zoom = min(max(self._zoom * factor, 1.0), MAX_ZOOM)
        shrink = self._zoom / zoom
        self._zoom = zoom
        self._move_to(place + (self._centre - place) * shrink)

    def pan(self, by: QPointF) -> None:
        """Move the visible part by fractions of the content."""
        self._move_to(self._centre + by)

    def reset(self) -> None:
        """Show everything again."""
        self._zoom = 1.0
        self._move_to(QPointF(0.5, 0.5))

    def set_hover(self, place: QPointF | None) -> None:
        self._hover = place
        self.hovered.emit()

    def _move_to(self, centre: QPointF) -> None:
        half = 0.5 / self._zoom
        self._centre = QPointF(min(max(centre.x(), half), 1 - half), min(max(centre.y(), half), 1 - half))
        self.changed.emit()
