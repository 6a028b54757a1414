"""Curves in a tile, with axes of their own."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from explorer.lenses.drawable import Chart, Line
from explorer.ui import theme
from explorer.ui.time_plot import small_font

MARK_SIZE = 9
DOT_SIZE = 4


class ChartView(pg.PlotWidget):
    """Paints a Chart. Curves keep their items from one picture to the next, so that a drag only moves them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.getAxis("left").enableAutoSIPrefix(False)
        self.getAxis("bottom").enableAutoSIPrefix(False)
        self.getAxis("left").setWidth(44)
        self._items: list[pg.PlotDataItem] = []
        self._mark = pg.ScatterPlotItem(size=MARK_SIZE, pen=None)
        self._mark.setZValue(5)
        self.addItem(self._mark)
        self._legend = self.addLegend(offset=(-6, 4), labelTextSize="8pt")
        self._form: tuple[object, ...] = ()
        self._dress()

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def show_drawable(self, chart: Chart) -> None:
        """Show curves; the items are made anew only where the chart has another form."""
        form = (
            chart.x_label,
            chart.y_label,
            chart.log,
            chart.equal,
            theme.current().name,
            *((line.name, line.colour, line.dim, line.dots, line.dash) for line in chart.lines),
        )
        if form != self._form:
            self._form = form
            self._lay_out(chart)
        for item, line in zip(self._items, chart.lines, strict=True):
            item.setData(line.x, line.y)
        x, y = chart.mark if chart.mark is not None else (np.nan, np.nan)
        self._mark.setData([x] if chart.mark is not None else [], [y] if chart.mark is not None else [])

    def clear_drawable(self) -> None:
        """Show nothing."""
        self._form = ()
        for item in self._items:
            self.removeItem(item)
        self._items = []
        self._legend.clear()
        self._mark.setData([], [])

    def _lay_out(self, chart: Chart) -> None:
        t = theme.current()
        for item in self._items:
            self.removeItem(item)
        self._legend.clear()
        self._legend.setLabelTextColor(t.muted)
        self._dress()
        self.setLogMode(x=chart.log[0], y=chart.log[1])
        self.setAspectLocked(chart.equal)
        for side, label in (("left", chart.y_label), ("bottom", chart.x_label)):
            self.setLabel(side, label, color=t.muted, **{"font-size": "8pt"})
        self._mark.setBrush(pg.mkBrush(t.warning))
        self._items = [self._item(line) for line in chart.lines]

    def _dress(self) -> None:
        """The theme's colours, before there are curves too."""
        t = theme.current()
        self.setBackground(t.surface)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(t.border))
            axis.setTextPen(pg.mkPen(t.muted))
            axis.setStyle(tickFont=small_font(), tickLength=-4)
        self.showGrid(x=True, y=True, alpha=0.12)

    def _item(self, line: Line) -> pg.PlotDataItem:
        t = theme.current()
        colour = QColor(t.series[line.colour % len(t.series)])
        if line.dim:
            colour.setAlpha(110)
        style = Qt.PenStyle.DashLine if line.dash else Qt.PenStyle.SolidLine
        pen = None if line.dots else pg.mkPen(colour, width=1.2 if line.dim else 1.8, style=style)
        dots = {"symbol": "o", "symbolSize": DOT_SIZE, "symbolBrush": colour, "symbolPen": None} if line.dots else {}
        return self.plot(pen=pen, name=line.name or None, **dots)
