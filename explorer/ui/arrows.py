"""Arrows and lines by the thousand, in few calls of the painter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.lenses.drawable import Floats

BARB = 5.0
"""Pixels at most."""


def draw_arrows(painter: QPainter, x: Floats, y: Floats, tip_x: Floats, tip_y: Floats, colour: QColor) -> None:
    """Many arrows in one call: shaft and two barbs each, barbs a third of the shaft and at most 5 pixels."""
    length = np.maximum(np.hypot(tip_x - x, tip_y - y), 1e-6)
    barbs = _barbs(x, y, tip_x, tip_y, np.minimum(length / 3, BARB) / length)
    draw_lines(painter, np.concatenate([np.stack([x, y, tip_x, tip_y], axis=1)[:, None], barbs], axis=1), colour)


def draw_barbs(painter: QPainter, x: Floats, y: Floats, tip_x: Floats, tip_y: Floats, colour: QColor) -> None:
    """The heads of arrows alone, of full size, however short the pieces that they are on."""
    length = np.maximum(np.hypot(tip_x - x, tip_y - y), 1e-6)
    draw_lines(painter, _barbs(x, y, tip_x, tip_y, BARB / length), colour)


def _barbs(x: Floats, y: Floats, tip_x: Floats, tip_y: Floats, barb: Floats) -> NDArray[np.float64]:
    """(n, 2, 4) lines from the tips backwards, `barb` times as long as the shafts."""
    dx, dy = (tip_x - x) * barb, (tip_y - y) * barb
    cos, sin = math.cos(2.6), math.sin(2.6)
    lines = np.empty((len(x), 2, 4), np.float64)
    for i, turn in ((0, sin), (1, -sin)):
        lines[:, i] = np.stack([tip_x, tip_y, tip_x + dx * cos - dy * turn, tip_y + dx * turn + dy * cos], axis=1)
    return lines


def draw_lines(painter: QPainter, lines: NDArray[np.floating[Any]], colour: QColor) -> None:
    """Many straight lines in one call. lines: (…, 4), from x, y to x, y."""
    from pyqtgraph.Qt import internals  # pyqtgraph takes half a second to import: not before it is needed

    painter.setPen(QPen(colour, 1))
    # pyqtgraph's array of QLineF shares its memory with numpy: no Python object is made for a line.
    array = internals.PrimitiveArray(QLineF, 4)
    array.resize(lines.size // 4)
    array.ndarray()[:] = lines.reshape(-1, 4)
    painter.drawLines(*array.drawargs())
