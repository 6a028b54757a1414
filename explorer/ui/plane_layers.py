"""What is painted into the plane: points, displacements, a map, a vector field as arrows or as streamlines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from explorer.lenses.colour import MAGNITUDE, packed
from explorer.lenses.drawable import Arrows, Fan, Field, Map, Points
from explorer.lenses.shading import map_pixels
from explorer.lenses.splat import splat
from explorer.lenses.streamlines import Streamlines
from explorer.ui import theme
from explorer.ui.arrows import draw_arrows, draw_barbs, draw_lines
from explorer.ui.plane_frame import PlaneFrame
from explorer.ui.plane_marks import named, paint_mark, paint_names
from explorer.ui.point_band import faint, fitting

MAX_ARROWS = 600
MANY_POINTS = 2000
"""More of them are smaller dots."""
Selection = NDArray[np.bool_] | None
"""Which of the points on show are marked, None for all alike."""


def paint_points(
    painter: QPainter, plane: Points, frame: PlaneFrame, canvas: NDArray[np.uint32], selection: Selection
) -> None:
    """canvas: of the frame's shape; overwritten."""
    ground = QColor(theme.current().canvas)
    if named(plane):
        painter.fillRect(frame.whole, ground)
        paint_names(painter, plane, *frame.in_widget(plane.data), [QColor.fromRgb(int(c)) for c in group_colours()])
    else:
        canvas.fill(ground.rgb())
        size = 2 if len(plane.data) > MANY_POINTS else 3
        x, y = frame.on_canvas(plane.data)
        colours, mask = group_colours(), fitting(selection, len(plane.data))
        splat(canvas, x, y, plane.groups, colours if mask is None else faint(colours), round(size * frame.ratio))
        if mask is not None:
            splat(canvas, x[mask], y[mask], plane.groups[mask], colours, round((size + 1) * frame.ratio))
        _draw_canvas(painter, canvas, frame)
    if plane.mark is not None:
        x, y = frame.in_widget(np.array([plane.mark], np.float32))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_mark(painter, float(x[0]), float(y[0]))


def paint_map(painter: QPainter, plane: Map, frame: PlaneFrame) -> None:
    """Its colours, level lines and points."""
    t, visible = theme.current(), frame.visible
    colours = packed(t.density)[: t.density_shades] if plane.shades == "density" else packed(MAGNITUDE)
    window = (visible.x(), visible.y(), visible.width(), visible.height())
    canvas = map_pixels(plane, frame.canvas_shape, colours, QColor(t.text).rgb(), window)
    if plane.points is not None:
        x, y = frame.on_canvas(plane.points)
        white = np.array([0xFFFFFFFF], np.uint32)
        splat(canvas, x, y, np.zeros(len(x), np.uint8), white, round(2 * frame.ratio))
    _draw_canvas(painter, canvas, frame)


def paint_arrows(painter: QPainter, plane: Arrows, frame: PlaneFrame, selection: Selection) -> None:
    """At most MAX_ARROWS of them: of the selected ones where some are."""
    mask = fitting(selection, len(plane.data))
    of_interest = np.arange(len(plane.data)) if mask is None else np.flatnonzero(mask)
    chosen = of_interest[:: max(1, math.ceil(len(of_interest) / MAX_ARROWS))]
    start = plane.origins[chosen]
    x, y = frame.in_widget(start)
    tip_x, tip_y = frame.in_widget(start + plane.data[chosen] * np.float32(plane.scale))
    groups = plane.groups[chosen]
    for group in np.unique(groups):
        mine = groups == group
        colour = QColor.fromRgb(int(group_colours()[group % len(group_colours())]))
        colour.setAlpha(150)
        draw_arrows(painter, x[mine], y[mine], tip_x[mine], tip_y[mine], colour)


def paint_fan(painter: QPainter, plane: Fan, frame: PlaneFrame) -> None:
    """The arrows of several vectors at each place, a colour each."""
    x, y = frame.in_widget(plane.origins)
    for i, vectors in reversed(list(enumerate(plane.vectors))):  # the first lies on top
        tip_x, tip_y = frame.in_widget(plane.origins + vectors * np.float32(plane.scale))
        draw_arrows(painter, x, y, tip_x, tip_y, _series_colour(i))


def paint_fan_names(painter: QPainter, names: tuple[str, ...], area: QRectF) -> None:
    """What the colours of a Fan mean, in the upper left corner."""
    metrics = painter.fontMetrics()
    for i, name in enumerate(names):
        box = QRectF(area.left() + 8, area.top() + 6 + i * metrics.height(), area.width() - 16, metrics.height())
        ground = QColor(theme.current().canvas)
        ground.setAlpha(200)
        painter.fillRect(painter.boundingRect(box, Qt.AlignmentFlag.AlignLeft, name).adjusted(-2, 0, 2, 0), ground)
        painter.setPen(_series_colour(i))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, name)


def paint_streamlines(painter: QPainter, lines: Streamlines, frame: PlaneFrame) -> None:
    """Lines with heads, fainter where the field is less certain."""
    x, y = frame.in_widget(lines.starts)
    end_x, end_y = frame.in_widget(lines.ends)
    head = np.zeros(len(x), bool)
    head[lines.heads] = True
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for low, high, colour in _certainties():
        mine = (lines.certain >= low) & (lines.certain < high)
        draw_lines(painter, np.stack([x[mine], y[mine], end_x[mine], end_y[mine]], axis=1), colour)
        tip = mine & head
        draw_barbs(painter, x[tip], y[tip], end_x[tip], end_y[tip], colour)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_field(painter: QPainter, plane: Field, frame: PlaneFrame) -> None:
    """An arrow at each place of the grid, fainter where the field is less certain."""
    x, y = frame.in_widget(plane.grid)
    length = np.hypot(plane.vectors[:, 0], plane.vectors[:, 1])
    # Directions matter more than lengths that span decades: the square root tames them.
    typical = float(np.quantile(length, 0.9)) if len(length) else 1.0
    cell = frame.area.width() / frame.visible.width() / max(math.sqrt(len(plane.grid)), 1)
    drawn = np.sqrt(np.minimum(length / max(typical, 1e-12), 1.5)) * cell * 0.85
    unit = plane.vectors / np.maximum(length, 1e-12)[:, None]
    dx = (unit[:, 0] * drawn).astype(np.float32)
    dy = (-unit[:, 1] * drawn).astype(np.float32)
    for low, high, colour in _certainties():
        mine = (plane.certain >= low) & (plane.certain < high)
        if mine.any():
            draw_arrows(painter, x[mine], y[mine], x[mine] + dx[mine], y[mine] + dy[mine], colour)


def group_colours() -> NDArray[np.uint32]:
    """The theme's colours of point groups as 0xffRRGGBB numbers."""
    return np.array([QColor(colour).rgb() for colour in theme.current().groups], np.uint32)


def _draw_canvas(painter: QPainter, canvas: NDArray[np.uint32], frame: PlaneFrame) -> None:
    height, width = canvas.shape
    painter.drawImage(frame.whole, QImage(canvas.data, width, height, 4 * width, QImage.Format.Format_RGB32))


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
