"""What a frame costs to draw: moving points, arrows, a picture. Data is new in every frame."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication, QWidget

from explorer.bench import Row, percentile
from explorer.lenses.drawable import Field, Image, Points
from explorer.ui.picture_view import PictureView
from explorer.ui.plane_view import PlaneView
from explorer.ui.viewport import Viewport

FRAMES = 60
EXTENT = (-3.5, 3.5, -3.5, 3.5)
SIZE = 420
"""Pixels of a tile at 1440×900."""


def measure() -> list[Row]:
    app = QApplication.instance() or QApplication([])  # lives as long as what is measured
    rows = []
    for n, limit in ((10_000, 4.0), (100_000, 12.0)):
        rows += [_points(n, limit), _scatter(n)]
    rows += [_arrows(), _picture()]
    del app
    return rows


def _median_ms(view: QWidget, show: Callable[[int], None]) -> float:
    """Median milliseconds of show(frame) and the paint that follows."""
    view.resize(SIZE, SIZE)
    view.show()
    QApplication.processEvents()
    times = []
    for frame in range(FRAMES):
        begin = time.perf_counter()
        show(frame)
        view.repaint()
        times.append(time.perf_counter() - begin)
    view.close()
    return 1000 * percentile(times, 0.5)


def _clouds(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    start, drift = rng.standard_normal((2, n, 2), np.float32)
    return [start + np.float32(0.01 * i) * drift for i in range(FRAMES)]


def _points(n: int, limit: float) -> Row:
    clouds, groups = _clouds(n), (np.arange(n) % 3).astype(np.uint8)
    view = PlaneView(Viewport())
    cost = _median_ms(view, lambda i: view.show_plane(Points(clouds[i], groups, EXTENT)))
    return Row(f"{n:,} moving points", cost, "ms", limit)


def _scatter(n: int) -> Row:
    clouds = _clouds(n)
    plot = pg.PlotWidget()
    item = pg.ScatterPlotItem(size=2, pen=None, pxMode=True)
    plot.addItem(item)
    cost = _median_ms(plot, lambda i: item.setData(pos=clouds[i]))
    return Row("  the same by pyqtgraph's ScatterPlotItem", cost, "ms")


def _arrows() -> Row:
    side = np.linspace(-3.4, 3.4, 40, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    certain = np.ones(len(grid), np.float32)
    turns = [np.float32(0.05 * i) for i in range(FRAMES)]
    density = np.random.default_rng(0).standard_normal((96, 96)).astype(np.float32)

    def field(i: int) -> Field:
        vectors = np.stack([np.cos(turns[i] + grid[:, 0]), np.sin(turns[i] + grid[:, 1])], axis=1)
        return Field(grid, grid, grid, vectors, certain, EXTENT, density)

    fields = [field(i) for i in range(FRAMES)]
    view = PlaneView(Viewport())
    cost = _median_ms(view, lambda i: view.show_plane(fields[i]))
    return Row("40×40 arrows over a density", cost, "ms", 4.0)


def _picture() -> Row:
    data = np.random.default_rng(0).standard_normal((FRAMES, 1, 1, 28, 28)).astype(np.float32)
    view = PictureView(Viewport())
    cost = _median_ms(view, lambda i: view.show_image(Image(data[i], "signed", (-3, 3))))
    return Row("a 28×28 picture in a tile", cost, "ms", 1.0)
