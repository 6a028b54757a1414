"""Painting on the picture of x_t, or dragging its points, with the mouse."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from explorer.lenses.colour import grid_shape
from explorer.lenses.drawable import Floats, Image, Points
from explorer.ui import edits
from explorer.ui.linked_view import LinkedView
from explorer.ui.tile import Tile

RADIUS = 0.045
"""Of the brush, as a share of the picture's width; at least three quarters of a pixel."""


class Brush(QObject):
    """While it is on, the mouse in a tile edits what the tile shows. done(array): a stroke has ended."""

    done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tile: Tile | None = None
        self._view: LinkedView | None = None
        self._before: Floats | None = None
        self._grabbed = (0.0, 0.0)

    @property
    def on(self) -> bool:
        return self._view is not None

    def take_up(self, tile: Tile) -> None:
        """Edit in this tile from now on."""
        self.put_down()
        view = tile.view()
        if view is not None:
            self._tile, self._view = tile, view
            view.installEventFilter(self)
            view.setCursor(Qt.CursorShape.CrossCursor)
            view.destroyed.connect(self._forget)

    def put_down(self) -> None:
        """The mouse is for looking again."""
        if self._view is not None:
            self._view.removeEventFilter(self)
            self._view.unsetCursor()
            self._view.destroyed.disconnect(self._forget)
        self._forget()

    def _forget(self) -> None:
        self._tile = self._view = self._before = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._view is None or not isinstance(event, QMouseEvent):
            return False
        buttons = Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton
        if event.type() == QEvent.Type.MouseButtonPress and event.button() & buttons:
            self._begin(self._view.to_content(event.position()), event.button())
        elif event.type() == QEvent.Type.MouseMove and self._before is not None:
            self._go_on(self._view.to_content(event.position()), event.buttons())
        elif event.type() == QEvent.Type.MouseButtonRelease and self._before is not None:
            self._before = None
            if self._tile is not None:
                self.done.emit(self._tile.data().copy())
        else:
            return False
        return True

    def _begin(self, place: QPointF, button: Qt.MouseButton) -> None:
        drawable = self._tile.drawable() if self._tile is not None else None
        if isinstance(drawable, Image | Points) and 0 <= place.x() < 1 and 0 <= place.y() < 1:
            self._before = drawable.data
            if isinstance(drawable, Points):
                self._grabbed = _in_plane(drawable, place)
            else:
                self._paint(drawable, place, button)

    def _go_on(self, place: QPointF, buttons: Qt.MouseButton) -> None:
        drawable = self._tile.drawable() if self._tile is not None else None
        if isinstance(drawable, Points) and self._before is not None and self._tile is not None:
            x, y = _in_plane(drawable, place)
            by = (x - self._grabbed[0], y - self._grabbed[1])
            self._tile.show_drawable(replace(drawable, data=edits.drag(self._before, self._grabbed, by)))
        elif isinstance(drawable, Image):
            self._paint(drawable, place, buttons)

    def _paint(self, image: Image, place: QPointF, buttons: Qt.MouseButton) -> None:
        n, _, height, width = image.data.shape
        rows, columns = grid_shape(n)
        across, down = place.x() * columns, place.y() * rows
        sample = math.floor(down) * columns + math.floor(across)
        if not (0 <= across < columns and 0 <= down < rows and sample < n) or self._tile is None:
            return
        value = image.limits[0 if buttons & Qt.MouseButton.RightButton else 1]
        radius = max(RADIUS * width, 0.75)
        painted = edits.paint(image.data, sample, down % 1 * height, across % 1 * width, radius, value)
        self._tile.show_drawable(replace(image, data=painted))


def _in_plane(points: Points, place: QPointF) -> tuple[float, float]:
    left, right, bottom, top = points.extent
    return left + place.x() * (right - left), top - place.y() * (top - bottom)
