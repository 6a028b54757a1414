"""A plot over t with the linked cursor, which can be dragged anywhere in the plot."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.ui import theme
from explorer.ui.cursor_layer import CursorLayer
from explorer.ui.plot_dress import NumberAxis, dress, hold_still, name_axis
from explorer.ui.short_text import typeset

MAX_SHOWN = 400
"""Points a curve is drawn with: more than a small plot has pixels for."""
MARK, SMALL_MARK = 5, 2.5
"""Pixels."""
MANY_MARKS = 60


class TimePlot(QWidget):
    """A title, the curves' names in their colours, and the plot. timeChosen: the cursor was dragged there."""

    timeChosen = Signal(int)

    def __init__(self, name: str, title: str, tip: str, left_label: str, empty: str = "") -> None:
        super().__init__()
        self._title = QLabel(title)
        self._title.setObjectName("plotTitle")
        self._title.setToolTip(tip)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._left_label = left_label
        self._bottom_label = "t"
        self._maximum = 1
        self._log = False
        self.plot = pg.PlotWidget(axisItems={"left": NumberAxis("left")}, enableMenu=False)
        self.plot.setObjectName(name)
        self.plot.setAccessibleName(tip)
        hold_still(self.plot)
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._data: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._dashed: set[str] = set()
        self._shadows: dict[str, pg.PlotDataItem] = {}
        self._shadow_data: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._marks = pg.ScatterPlotItem(size=MARK, pen=None)
        self._marks.setZValue(5)
        self.plot.addItem(self._marks)
        self.cursor_layer = CursorLayer(self.plot, empty)
        self.cursor_layer.moved.connect(self._choose)
        header = QHBoxLayout()
        header.addWidget(self._title)
        header.addStretch(1)
        self._header = header
        header.addWidget(self._legend)
        self._legend_below = False
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(2)
        self._rows.addLayout(header)
        self._rows.addWidget(self.plot, 1)
        self.restyle()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 110)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()

    def _place_legend(self) -> None:
        """Beside the title; in a line of its own where both would not be seen whole."""
        items = [self._header.itemAt(i) for i in range(self._header.count())]
        beside = [item.widget() for item in items if item is not None and item.widget() is not self._legend]
        widths = [w.sizeHint().width() for w in (*beside, self._legend) if w is not None and not w.isHidden()]
        below = sum(widths) + self._header.spacing() * len(widths) > self.width() and bool(self._legend.text())
        if below != self._legend_below:
            self._legend_below = below
            if below:
                self._rows.insertWidget(1, self._legend, 0, Qt.AlignmentFlag.AlignRight)
            else:
                self._header.addWidget(self._legend)

    @property
    def title(self) -> str:
        """What it shows."""
        return self._title.text()

    def legend(self) -> list[tuple[str, str]]:
        """The curves' names, each with its colour."""
        colours = theme.current().series
        return [(name, colours[i % len(colours)]) for i, name in enumerate(self._curves)]

    def add_control(self, control: QWidget) -> None:
        """Put a control beside the title."""
        self._header.insertWidget(1, control)

    def set_left_label(self, text: str) -> None:
        """What the curves are measured in."""
        if text != self._left_label:
            self._left_label = text
            self.restyle()

    def set_log(self) -> None:
        """A logarithmic axis of values."""
        self._log = True
        self.plot.setLogMode(y=True)

    def set_time_range(self, T: int) -> None:
        """The x axis: 0 … T."""
        if self._maximum == T:
            return
        self._maximum = T
        self.plot.setXRange(-0.1 * T, 1.11 * T, padding=0)  # room for the outermost numbers
        self._label_axis()

    def _label_axis(self) -> None:
        """Round numbers, the first of which says what is counted: a label of its own would cost a line of height."""
        numbers = [(value, str(value)) for value in round_numbers(self._maximum)]
        numbers[0] = (0, f"{self._bottom_label} = 0")
        self.plot.getAxis("bottom").setTicks([numbers])
        self._refresh()

    def set_time(self, t: int) -> None:
        """Move the cursor without asking for that time."""
        self.cursor_layer.set_value(t)

    def time(self) -> int:
        """Where the cursor is."""
        return round(self.cursor_layer.value())

    def set_bottom_label(self, text: str) -> None:
        """What the x axis counts."""
        if text != self._bottom_label:
            self._bottom_label = text
            self._label_axis()

    def set_reference(self, name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Draw a named curve, dashed: something to compare with that is not on show itself."""
        self._dashed.add(name)
        self.set_curve(name, x, y)

    def set_curve(self, name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Draw or redraw a named curve."""
        if name not in self._curves:
            self._curves[name] = self.plot.plot(name=name)
            self._style(name)
            self._show_legend()
        self._data[name] = (x, y)
        chosen = spread(len(x))
        self._curves[name].setData(x[chosen], y[chosen])
        self._refresh()

    def set_shadow(self, name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Draw another curve of the same name, dashed and in its colour, to compare with."""
        if name not in self._shadows:
            self._shadows[name] = self.plot.plot()
        self._shadow_data[name] = (x, y)
        chosen = spread(len(x))
        self._shadows[name].setData(x[chosen], y[chosen])
        self._style(name)
        self._refresh()

    def remove_shadows(self) -> None:
        """Nothing to compare with."""
        if not self._shadows:
            return
        for curve in self._shadows.values():
            self.plot.removeItem(curve)
        self._shadows.clear()
        self._shadow_data.clear()
        self._refresh()

    def shadow(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The data of a dashed curve. Raises KeyError where there is none of that name."""
        return self._shadow_data[name]

    def set_marks(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Mark places on the curves with dots, smaller ones where there are many; empty arrays for none."""
        self._marks.setSize(MARK if len(x) <= MANY_MARKS else SMALL_MARK)
        self._marks.setData(x, np.log10(y) if self._log else y)
        self._refresh()

    def remove_curves(self) -> None:
        """Show nothing."""
        self.remove_shadows()
        for curve in self._curves.values():
            self.plot.removeItem(curve)
        self._curves.clear()
        self._dashed.clear()
        self._data.clear()
        self._show_legend()
        self._refresh()

    def curve(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The data of a curve. Raises KeyError where there is none of that name."""
        return self._data[name]

    def names(self) -> tuple[str, ...]:
        """The curves on show."""
        return tuple(self._curves)

    def restyle(self) -> None:
        """The theme's colours."""
        t = theme.current()
        dress(self.plot)
        self.plot.getAxis("left").setWidth(46)
        name_axis(self.plot, "left", self._left_label)
        self.plot.showGrid(x=True, y=True, alpha=0.12)
        self._marks.setBrush(pg.mkBrush(t.warning))
        for name in self._curves:
            self._style(name)
        self._show_legend()
        self._refresh()

    def _refresh(self) -> None:
        self.cursor_layer.refresh(bool(self._curves))

    def _choose(self, x: float) -> None:
        if math.isfinite(x):
            self.timeChosen.emit(min(max(round(x), 0), self._maximum))

    def _show_legend(self) -> None:
        """The curves' names beside the title: a legend inside the plot would hide curves."""
        colours = theme.current().series
        names = [
            f"<span style='color:{colours[i % len(colours)]}'>{typeset(n)}</span>" for i, n in enumerate(self._curves)
        ]
        self._legend.setText("&nbsp;&nbsp;".join(names) if len(names) > 1 else "")
        self._place_legend()

    def _style(self, name: str) -> None:
        t = theme.current()
        colour = t.series[list(self._curves).index(name) % len(t.series)]
        dashed = name in self._dashed
        line = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        self._curves[name].setPen(pg.mkPen(colour, width=1.3 if dashed else 1.8, style=line))
        if name in self._shadows:
            dimmed = QColor(colour)
            dimmed.setAlpha(170)
            self._shadows[name].setPen(pg.mkPen(dimmed, width=1.3, style=Qt.PenStyle.DashLine))


def spread(n: int) -> NDArray[np.int64]:
    """Which of n points a curve is drawn with: all, or as many as a plot has pixels for, its ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_SHOWN)).round().astype(np.int64))


def round_numbers(maximum: int) -> list[int]:
    """0, the maximum, and up to four numbers between them in steps of 1, 2 or 5 times a power of ten.

    One that would stand too close to the maximum is left out.
    """
    step = next(m * 10**k for k in range(10) for m in (1, 2, 5) if maximum <= 5 * m * 10**k)
    numbers = [value for value in range(0, maximum, step) if value == 0 or maximum - value >= 0.6 * step]
    return [*numbers, maximum] if maximum else [0]
