"""Curves in a tile, with axes of their own."""

from __future__ import annotations

from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QWidget

from explorer.lenses.drawable import Chart, Line
from explorer.ui import theme
from explorer.ui.plot_dress import NumberAxis, dress, hold_still, name_axis
from explorer.ui.short_text import typeset
from explorer.ui.subscripts import rich

MARK_SIZE = 9
DOT_SIZE = 4
LEFT, BOTTOM = 44, 33
"""Pixels for the numbers and the name of an axis."""
DASH = (4.5, 3.5)
"""Stroke and gap, in widths of the pen: what lies below is seen between."""
LEGEND_POINTS = 8.0
LEGEND_GAP, LEGEND_MARGIN = 14, 8
"""Pixels between two names, and at the ends of a row."""


class ChartView(pg.PlotWidget):
    """Paints a Chart. Curves keep their items from one picture to the next, so that a drag only moves them."""

    _names: tuple[Line, ...] = ()
    """The lines that the legend tells apart; asked for before the plot is made."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={side: NumberAxis(side) for side in ("left", "bottom")})
        hold_still(self)
        self.getAxis("left").setWidth(LEFT)
        self.getAxis("bottom").setHeight(BOTTOM)
        title = self.plotItem.titleLabel  # over the axis of values too: its names need the room
        self.plotItem.layout.removeItem(title)
        self.plotItem.layout.addItem(title, 0, 0, 1, 2)
        self._items: list[pg.PlotDataItem] = []
        self._mark = pg.ScatterPlotItem(size=MARK_SIZE, pen=None)
        self._mark.setZValue(5)
        self.addItem(self._mark)
        self._form: tuple[object, ...] = ()
        self._chart: Chart | None = None
        self._extent: tuple[float, float, float, float] | None = None
        """What is in view, None where the curves decide."""
        self._dress()
        self._show_axes(False)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def show_drawable(self, chart: Chart) -> None:
        """Show curves; the items are made anew only where the chart has another form."""
        self._chart = chart
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
        self._show_extent(chart.extent)
        x, y = chart.mark if chart.mark is not None else (np.nan, np.nan)
        self._mark.setData([x] if chart.mark is not None else [], [y] if chart.mark is not None else [])

    def _show_extent(self, extent: tuple[float, float, float, float] | None) -> None:
        if extent == self._extent:
            return
        self._extent = extent
        if extent is None:
            self.plotItem.enableAutoRange()
        else:
            left, right, bottom, top = extent
            self.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)

    def clear_drawable(self) -> None:
        """Show nothing."""
        self._chart = None
        self._form = ()
        for item in self._items:
            self.removeItem(item)
        self._items = []
        self._names = ()
        self._show_legend()
        self._show_axes(False)
        self._mark.setData([], [])

    def legend(self) -> QRectF:
        """Where the names of the curves stand, in the scene: above the curves, never over them."""
        label = self.plotItem.titleLabel
        return QRectF(label.sceneBoundingRect()) if label.isVisible() else QRectF()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if self._names:
            self._show_legend()

    def _show_axes(self, on: bool) -> None:
        """Without curves the numbers of the axes mean nothing."""
        for side in ("left", "bottom"):
            self.showAxis(side, on)

    def _show_legend(self) -> None:
        """The names in the colours of their curves, in as many rows as they need."""
        t, metrics = theme.current(), QFontMetrics(legend_font())
        room = self.width() - 2 * LEGEND_MARGIN
        rows: list[list[str]] = [[]]
        used = 0
        kinds = {(line.dash, line.dots) for line in self._names}
        for line in self._names:
            text = f"{_stroke(line)} {line.name}" if len(kinds) > 1 else line.name
            wide = metrics.horizontalAdvance(text) + LEGEND_GAP
            if used and used + wide > room:
                rows.append([])
                used = 0
            used += wide
            colour = t.series[line.colour % len(t.series)]
            rows[-1].append(f"<span style='color:{colour}'>{rich(escape(typeset(text))).replace(' ', '&nbsp;')}</span>")
        title = self.plotItem.titleLabel
        shown = bool(self._names)
        title.setVisible(shown)
        height = len(rows) * metrics.height() + 4 if shown else 0
        self.plotItem.layout.setRowFixedHeight(0, height)
        title.setMaximumHeight(height)
        title.setText("<br>".join("&nbsp;&nbsp; ".join(row) for row in rows), size=f"{LEGEND_POINTS:g}pt")

    def _lay_out(self, chart: Chart) -> None:
        t = theme.current()
        for item in self._items:
            self.removeItem(item)
        self._dress()
        self._show_axes(True)
        self.setLogMode(x=chart.log[0], y=chart.log[1])
        self.setAspectLocked(chart.equal)
        for side, label in (("left", chart.y_label), ("bottom", chart.x_label)):
            name_axis(self, side, rich(typeset(label)))
        self._mark.setBrush(pg.mkBrush(t.warning))
        self._items = [self._item(line) for line in chart.lines]
        named = tuple(line for line in chart.lines if line.name)
        self._names = named if len(named) > 1 else ()
        self._show_legend()

    def restyle(self) -> None:
        """The theme's colours."""
        if self._chart is not None:
            self.show_drawable(self._chart)
        else:
            self._dress()

    def _dress(self) -> None:
        """The theme's colours, before there are curves too."""
        dress(self)
        self.showGrid(x=True, y=True, alpha=0.12)

    def _item(self, line: Line) -> pg.PlotDataItem:
        t = theme.current()
        colour = QColor(t.series[line.colour % len(t.series)])
        if line.dim:
            colour.setAlpha(110)
        pen = None if line.dots else pg.mkPen(colour, width=1.2 if line.dim else 1.8)
        if pen is not None and line.dash:
            pen.setDashPattern(DASH)
        dots = {"symbol": "o", "symbolSize": DOT_SIZE, "symbolBrush": colour, "symbolPen": None} if line.dots else {}
        item: pg.PlotDataItem = self.plot(pen=pen, **dots)
        if line.dots and line.dim:
            item.setZValue(-1)  # curves go over a cloud
        return item


def legend_font() -> QFont:
    """For the names of the curves."""
    font = QFont("Inter")
    font.setPointSizeF(LEGEND_POINTS)
    return font


def _stroke(line: Line) -> str:
    """How a curve is drawn, where the colours alone do not say which it is."""
    return "•••" if line.dots else "– –" if line.dash else "—"
