"""A vector field on a plane through the space of pictures: colours, arrows, and what lies in the plane."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize
from PySide6.QtWidgets import QWidget

from explorer.lenses.colour import palette_table
from explorer.lenses.drawable import Slice
from explorer.ui.chart_view import BOTTOM, LEFT
from explorer.ui.plot_dress import NumberAxis, dress, hold_still, name_axis
from explorer.ui.short_text import typeset

ARROW = 0.9
"""Length of the longest arrows, in cells."""
HEAD = 0.3
"""Of an arrow's length."""
INK = "#1b1f26"
TO_THE_RIGHT, TO_THE_LEFT = (-0.15, 1.0), (1.15, 1.0)
NEAR = 0.25
"""Of the plane's width: names of marks closer than that would lie over each other."""
BEHIND_WORDS = pg.mkBrush(255, 255, 255, 170)


class SliceView(pg.PlotWidget):
    """Paints a Slice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={side: NumberAxis(side) for side in ("left", "bottom")})
        hold_still(self)
        self.getAxis("left").setWidth(LEFT)
        self.getAxis("bottom").setHeight(BOTTOM)
        self.setAspectLocked(True)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(_pale(palette_table("signed")))
        self._arrows = pg.PlotDataItem(connect="pairs")
        self._marks = pg.ScatterPlotItem(size=9, pen=None)
        self._names: list[pg.TextItem] = []
        for item in (self._image, self._arrows, self._marks):
            self.addItem(item)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def show_drawable(self, drawable: Slice) -> None:
        """Show a slice, as far as it is known."""
        self._style(drawable)
        limit = largest(drawable)
        du, dv = drawable.u[1] - drawable.u[0], drawable.v[1] - drawable.v[0]
        self._image.setImage(np.nan_to_num(drawable.divergence), levels=(-limit, limit))
        place = QRectF(drawable.u[0] - du / 2, drawable.v[0] - dv / 2, du * len(drawable.u), dv * len(drawable.v))
        self._image.setRect(place)
        x, y = arrows(drawable)
        self._arrows.setData(x, y)
        self._marks.setData([mark[1] for mark in drawable.marks], [mark[2] for mark in drawable.marks])
        for label, (name, u, v), anchor in zip(self._names, drawable.marks, anchors(drawable), strict=True):
            label.setText(typeset(name))
            label.setAnchor(anchor)
            label.setPos(u, v)
        self.setRange(place, padding=0.02)

    def clear_drawable(self) -> None:
        """Show nothing."""
        self._image.clear()
        self._arrows.setData([], [])
        self._marks.setData([], [])
        self._drop_names()

    def _style(self, drawable: Slice) -> None:
        dress(self)
        for side, label in (("bottom", drawable.labels[0]), ("left", drawable.labels[1])):
            name_axis(self, side, typeset(label))
        # The colours are the same on both themes, light about 0: so are the arrows and marks over them.
        self._arrows.setPen(pg.mkPen(INK, width=1.2))
        self._marks.setBrush(pg.mkBrush("#b3261e"))
        if len(self._names) != len(drawable.marks):
            self._drop_names()
            self._names = [pg.TextItem(color=INK, anchor=(-0.15, 1.0), fill=BEHIND_WORDS) for _ in drawable.marks]
            for item in self._names:
                self.addItem(item)

    def _drop_names(self) -> None:
        for item in self._names:
            self.removeItem(item)
        self._names = []


def largest(drawable: Slice) -> float:
    """The size of the divergence at both ends of the colours; 1 before any of it is known."""
    known = drawable.divergence[np.isfinite(drawable.divergence)]
    return float(np.abs(known).max()) if len(known) else 1.0


def anchors(drawable: Slice) -> list[tuple[float, float]]:
    """Which point of each mark's name lies at the mark: names are to the right of it, but to the left of one that has
    another close on its right."""
    near_u, near_v = (NEAR * float(places[-1] - places[0]) for places in (drawable.u, drawable.v))
    found = []
    for i, (_, u, v) in enumerate(drawable.marks):
        others = [(place, j) for j, place in enumerate(drawable.marks) if j != i]
        crowded = any(
            0 <= other[1] - u < near_u and abs(other[2] - v) < near_v and (other[1] > u or j > i) for other, j in others
        )
        found.append(TO_THE_LEFT if crowded else TO_THE_RIGHT)
    return found


def words(drawable: Slice) -> str:
    """What the colours mean."""
    limit = f"{largest(drawable):.3g}"
    return f"arrows: the score in the plane;  colours: its divergence there, −{limit} (blue) to {limit} (red)"


def _pale(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light enough for arrows and words over it."""
    return np.asarray(255 - (255 - colours.astype(np.float32)) * 0.6, np.uint8)


def arrows(drawable: Slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pairs of ends of lines: a shaft and two strokes of a head for each known vector."""
    u, v = np.meshgrid(drawable.u, drawable.v)
    known = np.isfinite(drawable.data).all(axis=2)
    tails, vectors = np.stack([u, v], axis=2)[known], drawable.data[known]
    lengths = np.linalg.norm(vectors, axis=1)
    if not len(lengths) or lengths.max() == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    cell = min(drawable.u[1] - drawable.u[0], drawable.v[1] - drawable.v[0])
    vectors = vectors * (ARROW * cell / lengths.max())
    tips = tails + vectors
    left = tips - HEAD * (vectors + 0.6 * np.stack([-vectors[:, 1], vectors[:, 0]], axis=1))
    right = tips - HEAD * (vectors - 0.6 * np.stack([-vectors[:, 1], vectors[:, 0]], axis=1))
    ends = np.stack([tails, tips, left, tips, right, tips], axis=1).reshape(-1, 2).astype(np.float32)
    return ends[:, 0], ends[:, 1]
