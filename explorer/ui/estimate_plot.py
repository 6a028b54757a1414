"""A plot over t of estimates with their error bands, on an axis that is linear about 0 and logarithmic beyond."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsPolygonItem

from explorer.ui import theme
from explorer.ui.time_plot import TimePlot, spread

Floats = NDArray[np.float64]
BAND_OPACITY = 70
APART = 0.14
"""The least distance of two labels, as a part of the axis."""


def symlog(y: Floats, linear: float) -> Floats:
    """sign(y) log₁₀(1 + |y|/linear): as y itself where |y| is below `linear`, as its logarithm beyond."""
    values: Floats = np.sign(y) * np.log10(1 + np.abs(y) / linear)
    return values


def symlog_ticks(low: float, high: float, linear: float) -> list[tuple[float, str]]:
    """Places and texts of 0 and of powers of ten between the values low ≤ 0 ≤ high, none too close to another."""
    bottom, top = symlog(np.array([low, high]), linear)
    powers = [linear * 10**k for k in range(math.ceil(max(top, -bottom)) + 1)]
    kept = [0.0]
    for value in [sign * power for power in powers for sign in (1, -1)]:
        place = float(symlog(np.array(value), linear))
        if bottom <= place <= top and all(abs(place - other) >= APART * (top - bottom) for other in kept):
            kept.append(place)
    return [(place, _text(place, linear)) for place in sorted(kept)]


def _text(place: float, linear: float) -> str:
    value = math.copysign(linear * (10 ** abs(place) - 1), place)
    return f"{float(f'{value:.3g}'):g}".replace("-", "−") if place else "0"


def linear_part(values: Floats, errors: Floats) -> float:
    """A power of ten that is not below the usual size of a value and its error."""
    sizes = np.hypot(values, errors)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return 10.0 ** math.ceil(math.log10(float(np.median(sizes)))) if len(sizes) else 1.0


class EstimatePlot(TimePlot):
    """Curves of a TimePlot, each with a band of one standard error on either side."""

    def __init__(self, name: str, title: str, tip: str, left_label: str, empty: str = "") -> None:
        self._bands: dict[str, Band] = {}
        super().__init__(name, title, tip, left_label, empty)

    def set_estimates(self, curves: dict[str, tuple[Floats, Floats, Floats]]) -> None:
        """Draw these curves and no others: times, means and standard errors by name, the first on top.

        An unknown error, NaN, has no band.
        """
        if tuple(curves) != self.names():
            self.remove_curves()
        if not curves:
            return
        means, errors = (np.concatenate([curve[i] for curve in curves.values()]) for i in (1, 2))
        errors = np.nan_to_num(errors)
        linear = linear_part(means, errors)
        for depth, (name, (x, mean, error)) in enumerate(curves.items()):
            self.set_curve(name, x, symlog(mean, linear))
            self._data[name] = (x, mean)
            self._curves[name].setZValue(-2 * depth)
            if name not in self._bands:
                self._bands[name] = Band(self.plot, -2 * depth - 1)
                self._paint_band(name)
            shown = spread(len(x))
            half = np.nan_to_num(error[shown])
            self._bands[name].show(x[shown], *(symlog(mean[shown] + edge, linear) for edge in (-half, half)))
        low, high = min(0.0, float((means - errors).min())), max(0.0, float((means + errors).max()))
        self.plot.getAxis("left").setTicks([symlog_ticks(low, high, linear)])
        bottom, top = symlog(np.array([low, high]), linear)
        margin = 0.06 * (top - bottom) or 1.0
        self.plot.setYRange(bottom - margin, top + margin, padding=0)
        self._refresh()

    def remove_curves(self) -> None:
        """Show nothing."""
        for band in self._bands.values():
            band.remove()
        self._bands.clear()
        super().remove_curves()

    def restyle(self) -> None:
        """The theme's colours."""
        super().restyle()
        for name in self._bands:
            self._paint_band(name)

    def _paint_band(self, name: str) -> None:
        series = theme.current().series
        colour = QColor(series[list(self._curves).index(name) % len(series)])
        colour.setAlpha(BAND_OPACITY)
        self._bands[name].paint(colour)


class Band:
    """What lies between two edges. (pyqtgraph's own is made anew for each of its edges.)"""

    def __init__(self, plot: pg.PlotWidget, depth: int) -> None:
        self._plot = plot
        self._area = QGraphicsPolygonItem()
        self._area.setPen(QPen(Qt.PenStyle.NoPen))
        self._area.setZValue(depth)
        plot.addItem(self._area)

    def show(self, x: Floats, low: Floats, high: Floats) -> None:
        """The edges over x."""
        along = np.concatenate([x, x[::-1]]).tolist()
        across = np.concatenate([low, high[::-1]]).tolist()
        self._area.setPolygon(QPolygonF([QPointF(*point) for point in zip(along, across, strict=True)]))

    def paint(self, colour: QColor) -> None:
        self._area.setBrush(colour)

    def remove(self) -> None:
        self._plot.removeItem(self._area)
