"""Selecting pixels on the picture of x_t with the mouse: a rectangle, or what is painted over."""

from __future__ import annotations

from typing import Literal, TypeAlias

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from explorer.lenses.colour import pixel_at
from explorer.lenses.drawable import Image
from explorer.ui import selection
from explorer.ui.brush import RADIUS
from explorer.ui.selection import Mask, Pixel
from explorer.ui.tile import Tile
from explorer.ui.tile_mouse import TileMouse
from explorer.ui.viewport import Viewport

Way: TypeAlias = Literal["rectangle", "brush"]


class Selecting(TileMouse):
    """The selection of a viewport's pictures, alike in all samples, and the mouse that makes it. changed(): it is
    another one, or there is none any more."""

    changed = Signal()

    def __init__(self, viewport: Viewport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewport = viewport
        self._way: Way = "rectangle"
        self._before: Mask | None = None
        """What was selected when the button went down, None while none is down."""
        self._corner: Pixel = (0, 0)
        self._adds = True

    @property
    def way(self) -> Way | None:
        """How the mouse selects, None while it does not."""
        return self._way if self._view is not None else None

    @property
    def mask(self) -> Mask | None:
        """What is selected, None for nothing."""
        return self._viewport.selection

    def select(self, mask: Mask | None) -> None:
        """These pixels; none of them is nothing."""
        self._viewport.set_selection(mask if mask is not None and mask.any() else None)
        self.changed.emit()

    def invert(self) -> None:
        """All others."""
        if self.mask is not None:
            self.select(~self.mask)

    def begin(self, tile: Tile, way: Way) -> None:
        """From now on the mouse selects in this tile; what is selected stays when it is put down."""
        self._way = way
        self.take_up(tile)

    def _forget(self) -> None:
        super()._forget()
        self._before = None

    def _under_way(self) -> bool:
        return self._before is not None

    def _end(self) -> None:
        self._before = None
        self.changed.emit()

    @property
    def _shape(self) -> tuple[int, int] | None:
        drawable = self._tile.drawable() if self._tile is not None else None
        return drawable.data.shape[-2:] if isinstance(drawable, Image) else None

    def _place(self, place: QPointF) -> tuple[float, float] | None:
        """Row and column within the sample under the mouse, None beside all of them."""
        drawable = self._tile.drawable() if self._tile is not None else None
        pixel = pixel_at(drawable, place.x(), place.y()) if isinstance(drawable, Image) else None
        return None if pixel is None else pixel[1:]

    def _begin(self, event: QMouseEvent, place: QPointF) -> None:
        here, shape = self._place(place), self._shape
        if here is None or shape is None:
            return
        before = self.mask if self.mask is not None and self.mask.shape == shape else selection.nothing(shape)
        self._adds = event.button() == Qt.MouseButton.LeftButton
        adding = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) or self._way == "brush"
        self._before = before if adding or not self._adds else selection.nothing(shape)
        self._corner = (int(here[0]), int(here[1]))
        self._go_on(event, place)

    def _go_on(self, event: QMouseEvent, place: QPointF) -> None:
        here, shape = self._place(place), self._shape
        if here is None or shape is None or self._before is None:
            return
        if self._way == "rectangle":
            new = selection.rectangle(shape, self._corner, (int(here[0]), int(here[1])))
        else:
            new = selection.disc(shape, *here, max(RADIUS * shape[1], 0.75))
        mask = self._before | new if self._adds else self._before & ~new
        if self._way == "brush":
            self._before = mask
        self._viewport.set_selection(mask if mask.any() else None)
