"""The right side: the schedule, the SNR and a run's statistics over t, with one cursor that can be dragged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.engine.frame import ScheduleTable
from explorer.ui import theme


class TimePlot(QWidget):
    """A titled plot over t with the linked cursor. Emits timeChosen while the cursor is dragged."""

    timeChosen = Signal(int)

    def __init__(self, name: str, title: str, tip: str, left_label: str, empty: str = "") -> None:
        super().__init__()
        self._title = QLabel(title)
        self._title.setObjectName("sectionTitle")
        self._title.setToolTip(tip)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._empty = QLabel(empty)
        self._empty.setObjectName("muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._left_label = left_label
        self._bottom_label = "t"
        self.plot = pg.PlotWidget()
        self.plot.setObjectName(name)
        self.plot.setAccessibleName(tip)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self.plot.setMinimumHeight(96)
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._cursor = pg.InfiniteLine(0, movable=True)
        self._cursor.setZValue(10)
        self._cursor.sigPositionChanged.connect(lambda line: self.timeChosen.emit(round(line.value())))
        self.plot.addItem(self._cursor, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        header = QHBoxLayout()
        header.addWidget(self._title)
        header.addStretch(1)
        header.addWidget(self._legend)
        layout.addLayout(header)
        layout.addWidget(self.plot, 1)
        # Lies over the plot while that has nothing to show.
        over = QVBoxLayout(self.plot)
        over.addWidget(self._empty)
        self.restyle()

    def set_log(self) -> None:
        """A logarithmic axis of values."""
        self.plot.setLogMode(y=True)

    def set_time_range(self, T: int) -> None:
        self.plot.setXRange(-0.05 * T, 1.1 * T, padding=0)  # room for the outermost numbers
        with QSignalBlocker(self._cursor):  # new bounds may move it, which nobody asked for
            self._cursor.setBounds((0, T))
        parts = min(4, T)
        marks = [(round(i * T / parts), str(round(i * T / parts))) for i in range(parts + 1)]
        self.plot.getAxis("bottom").setTicks([marks])

    def set_time(self, t: int) -> None:
        """Move the cursor without asking for that time."""
        with QSignalBlocker(self._cursor):
            self._cursor.setValue(t)

    def set_bottom_label(self, text: str) -> None:
        if text != self._bottom_label:
            self._bottom_label = text
            self.restyle()

    def set_curve(self, name: str, x: NDArray[np.float64], y: NDArray[np.float64], dots: bool = False) -> None:
        """Draw or redraw a named curve."""
        if name not in self._curves:
            self._curves[name] = self.plot.plot(name=name)
            self._style(name)
            self._show_legend()
        self._curves[name].setData(x, y, symbol="o" if dots else None, symbolSize=3)

    def remove_curves(self) -> None:
        for curve in self._curves.values():
            self.plot.removeItem(curve)
        self._curves.clear()
        self._show_legend()

    def curve(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The data of a curve on show. Raises KeyError where there is none of that name."""
        x, y = self._curves[name].getOriginalDataset()
        return x, y

    def restyle(self) -> None:
        """The theme's colours."""
        t = theme.current()
        self.plot.setBackground(t.surface)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(t.border))
            axis.setTextPen(pg.mkPen(t.muted))
            axis.setStyle(tickFont=_small_font(), tickLength=-4)
        self.plot.getAxis("left").setWidth(46)
        label_style = {"color": t.muted, "font-size": "8pt"}
        self.plot.setLabel("left", self._left_label, **label_style)
        self.plot.setLabel("bottom", self._bottom_label, **label_style)
        self.plot.showGrid(x=True, y=True, alpha=0.12)
        self._cursor.setPen(pg.mkPen(t.text, width=1.5))
        self._cursor.setHoverPen(pg.mkPen(t.accent, width=3))
        for name in self._curves:
            self._style(name)
        self._show_legend()

    def _show_legend(self) -> None:
        """The curves' names in their colours, beside the title: a legend inside the plot would hide curves."""
        colours = theme.current().series
        names = [f"<span style='color:{colours[i % len(colours)]}'>{n}</span>" for i, n in enumerate(self._curves)]
        self._legend.setText("&nbsp;&nbsp;".join(names) if len(names) > 1 else "")
        self._empty.setVisible(not names)
        self._cursor.setVisible(bool(names))

    def _style(self, name: str) -> None:
        t = theme.current()
        colour = t.series[list(self._curves).index(name) % len(t.series)]
        curve = self._curves[name]
        curve.setPen(pg.mkPen(colour, width=1.8))
        curve.setSymbolBrush(pg.mkBrush(colour))
        curve.setSymbolPen(None)


class Curves(QFrame):
    """The three plots. timeChosen: the user dragged a cursor. stepChosen: the statistics' cursor over steps."""

    timeChosen = Signal(int)
    stepChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.schedule = TimePlot("schedulePlot", "Noise schedule", "β, ᾱ and their roots over t", "factor")
        self.snr = TimePlot("snrPlot", "Signal-to-noise ratio", "SNR(t) = a²/s², logarithmic", "SNR")
        self.snr.set_log()
        self.statistics = TimePlot(
            "statisticsPlot",
            "Run, step by step",
            "Root mean square per dimension of x_t, of ε̂ (near 1 for a good model), and of the change of x̂₀",
            "r.m.s.",
            empty="Play a run to see its statistics.",
        )
        self._by_step = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        for plot in (self.schedule, self.snr, self.statistics):
            layout.addWidget(plot, 1)
        self.schedule.timeChosen.connect(self.timeChosen)
        self.snr.timeChosen.connect(self.timeChosen)
        self.statistics.timeChosen.connect(self._choose_in_statistics)

    def set_schedule(self, table: ScheduleTable) -> None:
        """Draw a model's schedule and SNR."""
        T = int(table.t[-1])
        for plot in (self.schedule, self.snr, self.statistics):
            plot.set_time_range(T)
        self.schedule.remove_curves()
        self.snr.remove_curves()
        if table.betas is not None:
            self.schedule.set_curve("√ᾱ", table.t, table.signal)
            self.schedule.set_curve("√(1−ᾱ)", table.t, table.noise)
            self.schedule.set_curve("ᾱ", table.t, table.signal**2)
            self.schedule.set_curve("β", table.t[1:], table.betas[1:])
        else:
            self.schedule.set_curve("a", table.t, table.signal)
            self.schedule.set_curve("s = σ", table.t, table.noise)
        shown = np.isfinite(table.log_snr)
        self.snr.set_curve("SNR", table.t[shown], np.exp(table.log_snr[shown]))

    def set_times(self, t: int, step: int) -> None:
        """Move all cursors."""
        self.schedule.set_time(t)
        self.snr.set_time(t)
        self.statistics.set_time(step if self._by_step else t)

    def set_statistics(
        self, times: Sequence[int], scalars: Sequence[dict[str, float]], by_step: bool, T: int, planned: int
    ) -> None:
        """Draw what happened along a run: scalars[i] at step i, over t, or over steps for runs that stay at a time."""
        if by_step != self._by_step:
            self._by_step = by_step
            self.statistics.remove_curves()
        self.statistics.set_bottom_label("step" if by_step else "t")
        self.statistics.set_time_range(max(planned - 1, 1) if by_step else T)
        names = {"x_t": "x_t", "eps": "ε̂", "x0_change": "Δx̂₀"}
        for key, label in names.items():
            have = [i for i, values in enumerate(scalars) if key in values]
            if have:
                x = np.array([i if by_step else times[i] for i in have], np.float64)
                self.statistics.set_curve(label, x, np.array([scalars[i][key] for i in have]), dots=len(have) < 60)

    def clear_statistics(self) -> None:
        self.statistics.remove_curves()

    def restyle(self) -> None:
        for plot in (self.schedule, self.snr, self.statistics):
            plot.restyle()

    def _choose_in_statistics(self, value: int) -> None:
        (self.stepChosen if self._by_step else self.timeChosen).emit(value)


def _small_font() -> pg.QtGui.QFont:
    font = pg.QtGui.QFont("Inter")
    font.setPointSizeF(7.5)
    return font
