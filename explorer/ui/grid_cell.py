"""One cell of a grid of runs: what came out, and beneath it what it cost and how good it is."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from explorer.engine.grid_frame import GridCell
from explorer.lenses.colour import grid_shape, packed_sheet
from explorer.lenses.drawable import Floats, Image
from explorer.lenses.splat import splat
from explorer.ui import theme
from explorer.ui.line_thumbnail import upright_histogram
from explorer.ui.plane_layers import group_colours

SMALLEST = 64
"""Of the picture, in pixels on the screen."""
MARGIN, LINE, GAP = 5, 17, 2
STAR = "★"
SMALLEST_TEXT = 0.75
"""Of the ordinary size, where a cell is narrow."""


class GridCellView(QFrame):
    """clicked: by the mouse, or Return."""

    clicked = Signal(int, int)

    def __init__(self, row: int, column: int, heading: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place, self._heading = (row, column), heading
        self.cell: GridCell | None = None
        """None while it is not known."""
        self.best = False
        self._awaited = True
        self._range = (-1.0, 1.0)
        self._half_width = 1.0
        self._pictures: list[QImage] = []
        self.setObjectName(f"gridCell:{row}:{column}")
        self.setAccessibleName(f"{heading}: not run yet")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(SMALLEST + 2 * MARGIN, SMALLEST + 2 * MARGIN + LINE)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    @property
    def caption(self) -> str:
        """What stands beneath the picture."""
        cell = self.cell
        if cell is None or cell.error:
            return ""
        calls = f"{cell.network_calls:,}"
        quality = "reference" if cell.reference else quality_text(cell)
        return f"{calls} · {quality}" if quality else f"{calls} calls"

    def show_cell(self, cell: GridCell, value_range: tuple[float, float]) -> None:
        """What came out."""
        self.cell, self._range, self._pictures = cell, value_range, []
        told = cell.error or self.caption.replace(" · ", " network calls, ")
        self.setAccessibleName(f"{self._heading}: {told}")
        lines = [self._heading]
        if cell.error:
            lines.append(cell.error)
        else:
            lines.append(f"{cell.network_calls:,} network calls, {cell.seconds:.2g} s")
            if cell.measure is not None and cell.quality is not None:
                lines.append(f"{cell.measure.name}: {quality_text(cell)}")
            lines.append("Click to make these choices and follow this run.")
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("\n".join(lines))
        self.update()

    def set_awaited(self, awaited: bool) -> None:
        """Whether what is not known is still to come."""
        self._awaited = awaited
        self.update()

    def set_best(self, best: bool) -> None:
        """Whether no other is better."""
        self.best = best
        self.update()

    def set_half_width(self, half_width: float) -> None:
        """Of the plane, for points."""
        if half_width != self._half_width:
            self._half_width = half_width
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self._choose()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: object) -> None:
        self.update()

    def _choose(self) -> None:
        if self.cell is not None and not self.cell.error:
            self.clicked.emit(*self._place)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.hasFocus() or (self.underMouse() and self.cell is not None and not self.cell.error)
        painter.setBrush(QColor(t.surface))
        painter.setPen(QPen(QColor(t.accent if chosen or self.best else t.border), 2 if self.best else 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)
        inside = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        cell = self.cell
        if cell is None or cell.x is None:
            painter.setPen(QColor(t.muted if cell is None or cell.beside_the_point else t.warning))
            unknown = "…" if self._awaited else "not run"
            text, area = cell.error if cell is not None else unknown, inside.adjusted(-3, 0, 3, 0)
            centred = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            if painter.boundingRect(area, centred, text).height() > area.height():  # its beginning must be read
                centred = int(Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(area, centred, text)
            return
        picture = inside.adjusted(0, 0, 0, -LINE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_points(painter, picture, cell.x) if cell.x.ndim == 2 else self._paint_pictures(
            painter, picture, cell.x
        )
        painter.setPen(QColor(t.accent if self.best else t.text))
        caption = f"{STAR} {self.caption}" if self.best else self.caption
        line = QRectF(3, inside.bottom() - LINE + 2, self.width() - 6, LINE)
        wide = painter.fontMetrics().horizontalAdvance(caption)
        if self.best and SMALLEST_TEXT * wide > line.width():  # the numbers first: the frame says that it is the best
            caption = self.caption
            wide = painter.fontMetrics().horizontalAdvance(caption)
        if wide > line.width():
            font = painter.font()
            font.setPointSizeF(font.pointSizeF() * max(0.98 * line.width() / wide, SMALLEST_TEXT))
            painter.setFont(font)
        text = painter.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideRight, round(line.width()))
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), text)

    def _paint_pictures(self, painter: QPainter, area: QRectF, x: Floats) -> None:
        """x: (n, channels, height, width), side by side, as large as they go."""
        n, _, height, width = x.shape
        if not self._pictures:
            self._pictures = [_image(packed_sheet(Image(x[i : i + 1], "data", self._range))) for i in range(n)]
        shapes = {(rows, -(-n // rows)) for rows in range(1, n + 1)} | {grid_shape(n)}

        def zoom(shape: tuple[int, int]) -> float:
            rows, columns = shape
            across = (area.width() - GAP * (columns - 1)) / (columns * width)
            return float(min(across, (area.height() - GAP * (rows - 1)) / (rows * height)))

        rows, columns = max(shapes, key=lambda shape: (zoom(shape), shape))
        scale = zoom((rows, columns))
        if scale >= 2:  # whole pixels of equal size
            scale = int(scale * self.devicePixelRatioF()) / self.devicePixelRatioF()
        w, h = width * scale, height * scale
        left = round(area.center().x() - (columns * w + GAP * (columns - 1)) / 2)
        top = round(area.center().y() - (rows * h + GAP * (rows - 1)) / 2)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        for i, picture in enumerate(self._pictures):
            row, column = divmod(i, columns)
            painter.drawImage(QRectF(left + column * (w + GAP), top + row * (h + GAP), w, h), picture)

    def _paint_points(self, painter: QPainter, area: QRectF, x: Floats) -> None:
        """x: (n, 2), on a square of the plane; or a histogram of numbers (n, 1)."""
        ratio = self.devicePixelRatioF()
        side = int(min(area.width(), area.height()) * ratio)
        corner = area.center().x() - side / ratio / 2, area.center().y() - side / ratio / 2
        if x.shape[1] == 1:
            upright = upright_histogram(x[:, 0], side, self._half_width)
            lying = np.ascontiguousarray(upright.T[::-1, ::-1])
            painter.drawImage(QRectF(*corner, side / ratio, side / ratio), _image(lying))
            return
        canvas = np.full((side, side), QColor(theme.current().canvas).rgb(), np.uint32)
        across = (x[:, 0] / self._half_width + 1) * np.float32(side / 2)
        down = (1 - x[:, 1] / self._half_width) * np.float32(side / 2)
        splat(canvas, across, down, np.zeros(len(x), np.uint8), group_colours()[:1], max(1, round(ratio)))
        painter.drawImage(QRectF(*corner, side / ratio, side / ratio), _image(canvas))


def quality_text(cell: GridCell) -> str:
    """The quality as it is written, "" for none."""
    if cell.quality is None or cell.measure is None:
        return ""
    return f"{100 * cell.quality:.1f}\N{NO-BREAK SPACE}%" if cell.measure.unit == "%" else f"{cell.quality:.2g}"


def _image(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]) -> QImage:
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
