"""Which part of the plane lies where in a widget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF

from explorer.lenses.drawable import Floats


def place_in(extent: tuple[float, float, float, float], fractions: QPointF) -> tuple[float, float]:
    """The place of a plane (left, right, bottom, top) at fractions of it, counted from its top left corner."""
    left, right, bottom, top = extent
    return left + fractions.x() * (right - left), top - fractions.y() * (top - bottom)


@dataclass(frozen=True)
class PlaneFrame:
    """extent: left, right, bottom, top of the whole plane; visible: which fractions of it, counted from its top left
    corner, lie in `area` of the widget; ratio: pixels of the screen in one of the widget."""

    extent: tuple[float, float, float, float]
    area: QRectF
    visible: QRectF
    ratio: float = 1.0

    @property
    def whole(self) -> QRect:
        """The area in whole pixels."""
        return self.area.toAlignedRect()

    @property
    def canvas_shape(self) -> tuple[int, int]:
        """(height, width) of the area in pixels of the screen, at least 1."""
        whole = self.whole
        return max(1, int(whole.height() * self.ratio)), max(1, int(whole.width() * self.ratio))

    def place(self, fractions: QPointF) -> tuple[float, float]:
        """As `place_in`."""
        return place_in(self.extent, fractions)

    def in_widget(self, places: Floats) -> tuple[Floats, Floats]:
        """Places of the plane (n, 2) as positions x and y in the widget, (n,) each."""
        left, right, bottom, top = self.extent
        area, visible = self.area, self.visible
        per_x = area.width() / (visible.width() * (right - left))
        per_y = area.height() / (visible.height() * (top - bottom))
        offset_x = area.x() - (visible.x() * (right - left) + left) * per_x
        offset_y = area.y() - (visible.y() * (top - bottom) - top) * per_y
        x = places[:, 0] * np.float32(per_x) + np.float32(offset_x)
        y = places[:, 1] * np.float32(-per_y) + np.float32(offset_y)
        return x, y

    def on_canvas(self, places: Floats) -> tuple[Floats, Floats]:
        """Places of the plane (n, 2) as columns and rows of a canvas that fills the area, (n,) each."""
        x, y = self.in_widget(places)
        return (x - self.whole.x()) * np.float32(self.ratio), (y - self.whole.y()) * np.float32(self.ratio)
