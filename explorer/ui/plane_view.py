"""The plane in a tile: points, arrows, a vector field and a density behind them, with axes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from explorer.lenses.colour import MAGNITUDE, packed
from explorer.lenses.drawable import Arrows, Fan, Field, Floats, Map, Points
from explorer.lenses.shading import map_pixels
from explorer.lenses.splat import splat
from explorer.lenses.streamlines import Streamlines, streamlines
from explorer.ui import theme
from explorer.ui.arrows import draw_arrows, draw_barbs, draw_lines
from explorer.ui.field_menu import field_menu
from explorer.ui.linked_view import LinkedView
from explorer.ui.plane_axes import paint_axes
from explorer.ui.plane_marks import named, paint_mark, paint_names
from explorer.ui.point_band import faint, fitting, paint_band, points_within, selected_words
from explorer.ui.short_text import true_minus
from explorer.ui.viewport import Viewport

MAX_ARROWS = 600
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
        left, right, bottom, top = self._plane.extent
        x, y = left + place.x() * (right - left), top - place.y() * (top - bottom)
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
        left, right, bottom, top = self._plane.extent
        place = self.to_content(position)
        self.placed.emit(left + place.x() * (right - left), top - place.y() * (top - bottom))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.current().surface))
        area = self.area().toAlignedRect()
        painter.setClipRect(area)
        plane = self._plane
        if plane is None:
            painter.fillRect(area, QColor(theme.current().canvas))
            return
        if isinstance(plane, Points):
            self._paint_points(painter, plane)
            self._paint_marks(painter, plane)
        elif isinstance(plane, Map):
            self._paint_map(painter, plane)
        else:
            self._paint_backdrop(painter)
            if isinstance(plane, Field) and self.viewport.streamlines:
                self._paint_streamlines(painter, plane)
            elif isinstance(plane, Field):
                self._paint_field(painter, plane)
            elif isinstance(plane, Fan):
                self._paint_fan(painter, plane)
            else:
                self._paint_arrows(painter, plane)
        paint_axes(painter, plane.extent, self.area(), self.viewport.visible())
        if isinstance(plane, Fan):
            self._paint_names(painter, plane.names)
        if self._band is not None:
            paint_band(painter, *self._band)

    # Positions

    def _pixels(self, places: Floats) -> tuple[Floats, Floats]:
        """Places of the plane (n, 2) as positions in the widget."""
        assert self._plane is not None
        left, right, bottom, top = self._plane.extent
        area, visible = self.area(), self.viewport.visible()
        per_x = area.width() / (visible.width() * (right - left))
        per_y = area.height() / (visible.height() * (top - bottom))
        offset_x = area.x() - (visible.x() * (right - left) + left) * per_x
        offset_y = area.y() - (visible.y() * (top - bottom) - top) * per_y
        x = places[:, 0] * np.float32(per_x) + np.float32(offset_x)
        y = places[:, 1] * np.float32(-per_y) + np.float32(offset_y)
        return x, y

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

    def _paint_points(self, painter: QPainter, plane: Points) -> None:
        area = self.area().toAlignedRect()
        ratio = self.devicePixelRatioF()
        shape = (max(1, int(area.height() * ratio)), max(1, int(area.width() * ratio)))
        if self._canvas.shape != shape:
            self._canvas = np.zeros(shape, np.uint32)
        self._canvas.fill(QColor(theme.current().canvas).rgb())
        x, y = self._pixels(plane.data)
        if named(plane):
            painter.fillRect(area, QColor(theme.current().canvas))
            paint_names(painter, plane, x, y, [QColor.fromRgb(int(rgb)) for rgb in group_colours()])
            return
        size = 2 if len(plane.data) > 2000 else 3
        x = (x - area.x()) * np.float32(ratio)
        y = (y - area.y()) * np.float32(ratio)
        colours, mask = group_colours(), fitting(self.viewport.selection, len(plane.data))
        splat(self._canvas, x, y, plane.groups, colours if mask is None else faint(colours), round(size * ratio))
        if mask is not None:
            splat(self._canvas, x[mask], y[mask], plane.groups[mask], colours, round((size + 1) * ratio))
        height, width = shape
        picture = QImage(self._canvas.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        painter.drawImage(area, picture)

    def _paint_marks(self, painter: QPainter, plane: Points) -> None:
        if plane.mark is not None:
            x, y = self._pixels(np.array([plane.mark], np.float32))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_mark(painter, float(x[0]), float(y[0]))

    def _paint_map(self, painter: QPainter, plane: Map) -> None:
        area, visible, t = self.area().toAlignedRect(), self.viewport.visible(), theme.current()
        ratio = self.devicePixelRatioF()
        shape = (max(1, int(area.height() * ratio)), max(1, int(area.width() * ratio)))
        colours = packed(t.density)[: t.density_shades] if plane.shades == "density" else packed(MAGNITUDE)
        window = (visible.x(), visible.y(), visible.width(), visible.height())
        canvas = map_pixels(plane, shape, colours, QColor(t.text).rgb(), window)
        if plane.points is not None:
            x, y = self._pixels(plane.points)
            x, y = (x - area.x()) * np.float32(ratio), (y - area.y()) * np.float32(ratio)
            white = np.array([0xFFFFFFFF], np.uint32)
            splat(canvas, x, y, np.zeros(len(x), np.uint8), white, round(2 * ratio))
        painter.drawImage(area, QImage(canvas.data, shape[1], shape[0], 4 * shape[1], QImage.Format.Format_RGB32))

    def _paint_arrows(self, painter: QPainter, plane: Arrows) -> None:
        mask = fitting(self.viewport.selection, len(plane.data))
        of_interest = np.arange(len(plane.data)) if mask is None else np.flatnonzero(mask)
        chosen = of_interest[:: max(1, math.ceil(len(of_interest) / MAX_ARROWS))]
        start = plane.origins[chosen]
        x, y = self._pixels(start)
        tip_x, tip_y = self._pixels(start + plane.data[chosen] * np.float32(plane.scale))
        groups = plane.groups[chosen]
        for group in np.unique(groups):
            mine = groups == group
            colour = QColor.fromRgb(int(group_colours()[group % len(group_colours())]))
            colour.setAlpha(150)
            draw_arrows(painter, x[mine], y[mine], tip_x[mine], tip_y[mine], colour)

    def _paint_fan(self, painter: QPainter, plane: Fan) -> None:
        x, y = self._pixels(plane.origins)
        for i, vectors in reversed(list(enumerate(plane.vectors))):  # the first lies on top
            tip_x, tip_y = self._pixels(plane.origins + vectors * np.float32(plane.scale))
            draw_arrows(painter, x, y, tip_x, tip_y, _series_colour(i))

    def _paint_names(self, painter: QPainter, names: tuple[str, ...]) -> None:
        """What the colours of a Fan mean, in the upper left corner."""
        area = self.area()
        metrics = painter.fontMetrics()
        for i, name in enumerate(names):
            box = QRectF(area.left() + 8, area.top() + 6 + i * metrics.height(), area.width() - 16, metrics.height())
            ground = QColor(theme.current().canvas)
            ground.setAlpha(200)
            painter.fillRect(painter.boundingRect(box, Qt.AlignmentFlag.AlignLeft, name).adjusted(-2, 0, 2, 0), ground)
            painter.setPen(_series_colour(i))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, name)

    def _paint_streamlines(self, painter: QPainter, plane: Field) -> None:
        if self._streamlines is None:
            self._streamlines = streamlines(plane.vectors, plane.certain, plane.extent)
        lines = self._streamlines
        x, y = self._pixels(lines.starts)
        end_x, end_y = self._pixels(lines.ends)
        head = np.zeros(len(x), bool)
        head[lines.heads] = True
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for low, high, colour in _certainties():
            mine = (lines.certain >= low) & (lines.certain < high)
            draw_lines(painter, np.stack([x[mine], y[mine], end_x[mine], end_y[mine]], axis=1), colour)
            tip = mine & head
            draw_barbs(painter, x[tip], y[tip], end_x[tip], end_y[tip], colour)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_field(self, painter: QPainter, plane: Field) -> None:
        x, y = self._pixels(plane.grid)
        length = np.hypot(plane.vectors[:, 0], plane.vectors[:, 1])
        # Directions matter more than lengths that span decades: the square root tames them.
        typical = float(np.quantile(length, 0.9)) if len(length) else 1.0
        cell = self.area().width() / self.viewport.visible().width() / max(math.sqrt(len(plane.grid)), 1)
        drawn = np.sqrt(np.minimum(length / max(typical, 1e-12), 1.5)) * cell * 0.85
        unit = plane.vectors / np.maximum(length, 1e-12)[:, None]
        dx = (unit[:, 0] * drawn).astype(np.float32)
        dy = (-unit[:, 1] * drawn).astype(np.float32)
        for low, high, colour in _certainties():
            mine = (plane.certain >= low) & (plane.certain < high)
            if mine.any():
                draw_arrows(painter, x[mine], y[mine], x[mine] + dx[mine], y[mine] + dy[mine], colour)


def _certainties() -> list[tuple[float, float, QColor]]:
    """From and up to which certainty a field is drawn in which colour."""
    shades = []
    for low, high, alpha in ((0.0, 0.4, 0.25), (0.4, 0.75, 0.5), (0.75, 1.01, 0.9)):
        colour = QColor(theme.current().text)
        colour.setAlphaF(alpha)
        shades.append((low, high, colour))
    return shades


def _series_colour(i: int) -> QColor:
    series = theme.current().series
    return QColor(series[i % len(series)])


def group_colours() -> NDArray[np.uint32]:
    """The theme's colours of point groups as 0xffRRGGBB numbers."""
    return np.array([QColor(colour).rgb() for colour in theme.current().groups], np.uint32)
