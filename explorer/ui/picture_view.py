"""Pictures in a tile: a batch as one grid, pixels as sharp squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QWidget

from explorer.lenses.colour import grid_shape, packed_sheet, pixel_at
from explorer.lenses.drawable import Image
from explorer.ui import theme
from explorer.ui.linked_view import LinkedView
from explorer.ui.selection import outline
from explorer.ui.short_text import true_minus
from explorer.ui.viewport import Viewport

SELECTED = QColor("#ffd60a")
ROW_GAP = 6
"""Pixels between a row's name and the row."""
CLICK_REACH = 4
"""Pixels that the mouse may move during a click."""


class PictureView(LinkedView):
    """Paints an Image. The pixels are kept as one RGB32 buffer, the fastest thing Qt can draw."""

    picked = Signal(int, int)
    """Row and column of the pixel of a sample that was clicked on."""

    def __init__(self, viewport: Viewport, parent: QWidget | None = None) -> None:
        super().__init__(viewport, parent)
        self._pressed: QPointF | None = None
        self._image: Image | None = None
        self._pixels: NDArray[np.uint32] | None = None
        self._picture = QImage()

    def show_image(self, image: Image) -> None:
        """Show a batch; painted at the next paint event."""
        before = self.area() if self._image is not None else None
        self._image = image
        self._pixels = packed_sheet(image)  # QImage does not own the buffer: keep it alive
        height, width = self._pixels.shape
        self._picture = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        after = self.area()
        if after == before and not image.rows:
            self.update(after.toAlignedRect())  # what lies around it stays
        else:
            self.update()

    def clear(self) -> None:
        self._image, self._pixels, self._picture = None, None, QImage()
        self.update()

    def left_room(self) -> int:
        """For the names of the rows, where they have some."""
        if self._image is None or not self._image.rows:
            return 0
        return max(self.fontMetrics().horizontalAdvance(name) for name in self._image.rows) + ROW_GAP

    def aspect(self) -> float:
        return self._picture.width() / self._picture.height() if not self._picture.isNull() else 1.0

    def value_at_hover(self) -> str:
        """The pixel under the mouse in words, "" where there is none."""
        place = self.viewport.hover
        if place is None or self._image is None:
            return ""
        pixel = pixel_at(self._image, place.x(), place.y())
        if pixel is None:
            return ""
        sample, row, column = (int(part) for part in pixel)
        values = self._image.data[sample, :, row, column]
        numbers = true_minus(", ".join(f"{value:+.3f}" for value in values[:4]))
        which = f"sample {sample}  " if len(self._image.data) > 1 else ""
        return f"{which}({column}, {row})  {numbers}"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self._pressed = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        pressed, self._pressed = self._pressed, None
        if pressed is None or (event.position() - pressed).manhattanLength() > CLICK_REACH or self._image is None:
            return
        place = self.to_content(event.position())
        pixel = pixel_at(self._image, place.x(), place.y())
        if pixel is not None and self.area().contains(event.position()):
            self.picked.emit(int(pixel[1]), int(pixel[2]))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = self.area()
        free = event.region() - self._covered(area)
        if not free.isEmpty():
            painter.setClipRegion(free)
            painter.fillRect(self.rect(), QColor(theme.current().surface))
            painter.setClipping(False)
        if self._image is None:
            return
        visible = self.viewport.visible()
        width, height = self._picture.width(), self._picture.height()
        source = QRectF(visible.x() * width, visible.y() * height, visible.width() * width, visible.height() * height)
        painter.drawImage(area, self._picture, source)
        self._paint_lattice(painter)
        self._paint_selection(painter)
        self._paint_rows(painter)
        self._paint_mark(painter)
        self._paint_hover(painter)

    def _covered(self, area: QRectF) -> QRegion:
        """What of the widget the picture hides: nothing where its edges lie between pixels."""
        covered = area.toAlignedRect()
        return QRegion(covered) if self._image is not None and area == QRectF(covered) else QRegion()

    def _paint_lattice(self, painter: QPainter) -> None:
        assert self._image is not None
        n = len(self._image.data)
        if n == 1:
            return
        rows, columns = grid_shape(n)
        painter.setPen(QPen(QColor(theme.current().surface), 2))
        area = self.area()
        for column in range(1, columns):
            x = self.to_widget(QPointF(column / columns, 0)).x()
            if area.left() < x < area.right():
                painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        for row in range(1, rows):
            y = self.to_widget(QPointF(0, row / rows)).y()
            if area.top() < y < area.bottom():
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))

    def _paint_rows(self, painter: QPainter) -> None:
        assert self._image is not None
        if not (names := self._image.rows):
            return
        area = self.area()
        painter.setPen(QColor(theme.current().muted))
        for i, name in enumerate(names):
            top, bottom = (self.to_widget(QPointF(0, row / len(names))).y() for row in (i, i + 1))
            if area.top() <= (top + bottom) / 2 <= area.bottom():
                place = QRectF(0, top, area.left() - ROW_GAP, bottom - top)
                painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)

    def _paint_mark(self, painter: QPainter) -> None:
        """Of the first sample: it is the one that lenses of a single number are about."""
        if self.viewport.mark is not None:
            row, column = self.viewport.mark
            self._paint_pixel(painter, column, row, QColor(theme.current().accent))

    def _paint_selection(self, painter: QPainter) -> None:
        """Around the same pixels of every sample: yellow dashes on a dark line are seen on noise of any colours."""
        mask = self.viewport.selection
        if mask is None or self._image is None or self._image.data.shape[-2:] != mask.shape:
            return
        n, _, height, width = self._image.data.shape
        columns = grid_shape(n)[1]
        whole_width, whole_height = self._picture.width(), self._picture.height()
        edges, lines = outline(mask), []
        for sample in range(n):
            left, top = sample % columns * width, sample // columns * height
            for x0, y0, x1, y1 in edges:
                begin = self.to_widget(QPointF((left + x0) / whole_width, (top + y0) / whole_height))
                end = self.to_widget(QPointF((left + x1) / whole_width, (top + y1) / whole_height))
                lines.append(QLineF(begin, end))
        for pen in (QPen(QColor(0, 0, 0), 3), QPen(SELECTED, 2, Qt.PenStyle.DashLine)):
            painter.setPen(pen)
            painter.drawLines(lines)

    def _paint_hover(self, painter: QPainter) -> None:
        place = self.viewport.hover
        if place is None:
            return
        width, height = self._picture.width(), self._picture.height()
        self._paint_pixel(painter, int(place.x() * width), int(place.y() * height), QColor(theme.current().warning))

    def _paint_pixel(self, painter: QPainter, x: int, y: int, colour: QColor) -> None:
        width, height = self._picture.width(), self._picture.height()
        corner = self.to_widget(QPointF(x / width, y / height))
        opposite = self.to_widget(QPointF((x + 1) / width, (y + 1) / height))
        painter.setPen(QPen(colour, 1.5))
        painter.drawRect(QRectF(corner, opposite))
