"""The plane in a tile: points, arrows, a vector field and a density behind them, with axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from explorer.lenses.colour import packed
from explorer.lenses.drawable import Arrows, Fan, Field, Floats, Map, Points
from explorer.lenses.streamlines import Streamlines, streamlines
from explorer.ui import theme
from explorer.ui.field_menu import field_menu
from explorer.ui.linked_view import LinkedView
from explorer.ui.plane_axes import paint_axes
from explorer.ui.plane_frame import PlaneFrame
from explorer.ui.plane_layers import (
    paint_arrows,
    paint_fan,
    paint_fan_names,
    paint_field,
    paint_map,
    paint_points,
    paint_streamlines,
)
from explorer.ui.point_band import fitting, paint_band, points_within, selected_words
from explorer.ui.short_text import true_minus
from explorer.ui.viewport import Viewport

CLICK_REACH = 4
"""Pixels that the mouse may move during a click."""
DENSITY_RANGE_NATS = 12.0
"""Below the maximum by this much, log p is drawn as nothing."""


class PlaneView(LinkedView):
    """Paints Points, Arrows, a Fan, a Field or a Map."""

    placed = Signal(float, float)
    """A place of the plane, clicked on; or dragged to, while the whole plane is on show."""

    def __init__(self, viewport: Viewport, parent: QWidget | None = None) -> None:
        super().__init__(viewport, parent)
        self._plane: Points | Arrows | Fan | Field | Map | None = None
        self._pressed: QPointF | None = None
        self._band: tuple[QPointF, QPointF] | None = None
        """Two corners in the widget of the rectangle that is being drawn."""
        self._streamlines: Streamlines | None = None
        self._density: QImage | None = None
        self._density_pixels: NDArray[np.uint32] | None = None
        self._canvas = np.zeros((0, 0), np.uint32)

    def show_plane(self, plane: Points | Arrows | Fan | Field | Map) -> None:
        """Show it; painted at the next paint event."""
        self._plane = plane
        self._streamlines = None
        background = plane.background if isinstance(plane, Field) else None
        self._set_density(background)
        self.update()

    def clear(self) -> None:
        self._plane = None
        self._density = None
        self.update()

    def value_at_hover(self) -> str:
        """The place under the mouse in words, "" where there is none."""
        place = self.viewport.hover
        if place is None or self._plane is None:
            return ""
        x, y = self._frame(self._plane).place(place)
        return true_minus(f"({x:+.2f}, {y:+.2f})")

    def selected(self) -> str:
        """What of the points on show is selected, in words; "" for nothing."""
        mask = fitting(self.viewport.selection, len(self._plane.data)) if isinstance(self._plane, Points) else None
        return "" if mask is None else selected_words(mask)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if isinstance(self._plane, Field):
            menu = field_menu(self.viewport, self)
            menu.exec(event.globalPos())
            menu.deleteLater()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and isinstance(self._plane, Points):
            self._band = (event.position(), event.position())
            return
        super().mousePressEvent(event)
        self._pressed = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._band is not None:
            self._band = (self._band[0], event.position())
            self.update()
            return
        super().mouseMoveEvent(event)
        if self._pressed is not None and self.viewport.zoom == 1 and self._moved(event.position()):
            self._place(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._band is not None:
            self._select(*self._band)
            return
        super().mouseReleaseEvent(event)
        if self._pressed is not None and (self.viewport.zoom == 1 or not self._moved(event.position())):
            self._place(event.position())
        self._pressed = None

    def _select(self, one: QPointF, other: QPointF) -> None:
        """The points between two positions, in all views; none of them is nothing."""
        self._band = None
        if isinstance(self._plane, Points):
            mask = points_within(self._plane, self.to_content(one), self.to_content(other))
            self.viewport.set_selection(mask if mask.any() else None)
        self.update()

    def _moved(self, position: QPointF) -> bool:
        return self._pressed is not None and (position - self._pressed).manhattanLength() > CLICK_REACH

    def _place(self, position: QPointF) -> None:
        if not isinstance(self._plane, Points) or not self.area().contains(position):
            return
        self.placed.emit(*self._frame(self._plane).place(self.to_content(position)))

    def _frame(self, plane: Points | Arrows | Fan | Field | Map) -> PlaneFrame:
        return PlaneFrame(plane.extent, self.area(), self.viewport.visible(), self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.current().surface))
        area = self.area().toAlignedRect()
        painter.setClipRect(area)
        plane = self._plane
        if plane is None:
            painter.fillRect(area, QColor(theme.current().canvas))
            return
        frame, selection = self._frame(plane), self.viewport.selection
        if isinstance(plane, Points):
            if self._canvas.shape != frame.canvas_shape:
                self._canvas = np.zeros(frame.canvas_shape, np.uint32)
            paint_points(painter, plane, frame, self._canvas, selection)
        elif isinstance(plane, Map):
            paint_map(painter, plane, frame)
        else:
            self._paint_backdrop(painter)
            if isinstance(plane, Field) and self.viewport.streamlines:
                if self._streamlines is None:
                    self._streamlines = streamlines(plane.vectors, plane.certain, plane.extent)
                paint_streamlines(painter, self._streamlines, frame)
            elif isinstance(plane, Field):
                paint_field(painter, plane, frame)
            elif isinstance(plane, Fan):
                paint_fan(painter, plane, frame)
            else:
                paint_arrows(painter, plane, frame, selection)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        paint_axes(painter, frame)
        if isinstance(plane, Fan):
            paint_fan_names(painter, plane.names, frame.area)
        if self._band is not None:
            paint_band(painter, *self._band)

    # Layers

    def _set_density(self, background: Floats | None) -> None:
        if background is None:
            self._density = None
            return
        level = (background[::-1] - background.max()) / DENSITY_RANGE_NATS + 1
        shade = (level.clip(0, 1) * theme.current().density_shades).astype(np.uint8)
        self._density_pixels = np.ascontiguousarray(packed(theme.current().density)[shade])
        height, width = shade.shape
        self._density = QImage(self._density_pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)

    def _paint_backdrop(self, painter: QPainter) -> None:
        area = self.area()
        if self._density is None:
            painter.fillRect(area, QColor(theme.current().canvas))
            return
        visible = self.viewport.visible()
        width, height = self._density.width(), self._density.height()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(
            area,
            self._density,
            QRectF(visible.x() * width, visible.y() * height, visible.width() * width, visible.height() * height),
        )
