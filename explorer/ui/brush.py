"""Painting on the picture of x_t, or dragging its points, with the mouse."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from explorer.lenses.colour import pixel_at
from explorer.lenses.drawable import Floats, Image, Points
from explorer.ui import edits
from explorer.ui.plane_frame import place_in
from explorer.ui.tile_mouse import TileMouse

RADIUS = 0.045
"""Of the brush, as a share of the picture's width; at least three quarters of a pixel."""


class Brush(TileMouse):
    """While it is on, the mouse in a tile edits what the tile shows. done(array): a stroke has ended."""

    done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before: Floats | None = None
        self._grabbed = (0.0, 0.0)

    @property
    def on(self) -> bool:
        return self._view is not None

    def _forget(self) -> None:
        super()._forget()
        self._before = None

    def _under_way(self) -> bool:
        return self._before is not None

    def _end(self) -> None:
        self._before = None
        if self._tile is not None:
            self.done.emit(self._tile.data().copy())

    def _begin(self, event: QMouseEvent, place: QPointF) -> None:
        drawable = self._tile.drawable() if self._tile is not None else None
        if isinstance(drawable, Image | Points) and 0 <= place.x() < 1 and 0 <= place.y() < 1:
            self._before = drawable.data
            if isinstance(drawable, Points):
                self._grabbed = place_in(drawable.extent, place)
            else:
                self._paint(drawable, place, event.button())

    def _go_on(self, event: QMouseEvent, place: QPointF) -> None:
        drawable = self._tile.drawable() if self._tile is not None else None
        if isinstance(drawable, Points) and self._before is not None and self._tile is not None:
            x, y = place_in(drawable.extent, place)
            by = (x - self._grabbed[0], y - self._grabbed[1])
            self._tile.show_drawable(replace(drawable, data=edits.drag(self._before, self._grabbed, by)))
        elif isinstance(drawable, Image):
            self._paint(drawable, place, event.buttons())

    def _paint(self, image: Image, place: QPointF, buttons: Qt.MouseButton) -> None:
        pixel = pixel_at(image, place.x(), place.y())
        if pixel is None or self._tile is None:
            return
        value = image.limits[0 if buttons & Qt.MouseButton.RightButton else 1]
        radius = max(RADIUS * image.data.shape[-1], 0.75)
        painted = edits.paint(image.data, *pixel, radius, value)
        self._tile.show_drawable(replace(image, data=painted))
