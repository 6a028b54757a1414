"""The bound as its parts added up along the time axis: where it is paid, and that both splits end at one total."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QGraphicsRectItem

from explorer.engine.likelihood_frame import BoundStack, Value
from explorer.ui import theme
from explorer.ui.estimate_plot import BAND_OPACITY, Band
from explorer.ui.estimate_text import estimate
from explorer.ui.time_plot import TimePlot, round_numbers

Floats = NDArray[np.float64]
BEFORE, AFTER = 0.36, 0.36
"""Room on both sides of the time axis for the parts that have no time, in units of T."""
BAR = (0.10, 0.32)
"""Where the bars of those stand, from the axis' end."""
TITLE = "log p(x₀) ≥ …"
TIP = (
    "The parts of the bound, added up from left to right: E log p(x₀|x₁) first (“rec.”), then less each KL, at the\n"
    "step that it is about, then less the prior term. Where the curve is steep, much is paid.\n"
    "(A) E log p(x₀|x₁) − Σ_{t=2..T} E KL(q(x_{t−1}|x_t,x₀) ‖ p_θ(x_{t−1}|x_t)) − KL(q(x_T|x₀) ‖ p(x_T))\n"
    "(B) the same with E[log q(x_t|x_{t−1}) − log p_θ(x_t|x_{t+1})] and E KL(q(x_T|x_{T−1}) ‖ p(x_T))\n"
    "Both end at one total: the dashed line is that of (A), the dotted one log p(x₀) itself where it is known."
)
EMPTY = (
    "The bound on log p(x₀) as its parts, added up from t = 0 to T. Below it: both splits as numbers, each step's "
    "term, and how much a draw of it varies."
)


class StackPlot(TimePlot):
    """Shows BoundStacks. of: what its object names begin with."""

    line_name = "log p"
    """What the dotted line stands for."""

    def __init__(self, of: str = "bound", empty: str = EMPTY) -> None:
        self._stacks: tuple[BoundStack, ...] = ()
        self._dimensions = 1
        self._exact = math.nan
        self._bars: list[QGraphicsRectItem] = []
        self._levels: list[pg.InfiniteLine] = []
        self._area: Band | None = None
        super().__init__(f"{of}StackPlot", TITLE, TIP, "nats", empty)
        self.unit = QComboBox(self)  # placed by whoever has room for it
        self.unit.setObjectName(f"{of}UnitCombo")
        self.unit.setAccessibleName("Unit of the bound")
        self.unit.setToolTip("nats of log p(x₀), or the cost of one number of a sample: −log p / (d log 2) bits")
        self.unit.addItem("nats", False)
        self.unit.addItem("bits/dim", True)
        self.unit.currentIndexChanged.connect(lambda _: self._draw())

    def set_time_range(self, T: int) -> None:
        """The x axis: 0 … T, with room for the bars."""
        super().set_time_range(T)
        self.plot.setXRange(-BEFORE * T, (1 + AFTER) * T, padding=0)

    def show_stacks(self, stacks: Sequence[BoundStack], dimensions: int, exact: float = math.nan) -> None:
        """The first is the one that is filled. exact: log p(x₀) in nats, NaN where it is not known."""
        self._stacks, self._dimensions, self._exact = tuple(stacks), dimensions, exact
        self._draw()

    def total(self, name: str) -> float:
        """Where a stack ends, in the unit on show."""
        return self._shown(next(stack for stack in self._stacks if stack.name == name).total.mean)

    def remove_curves(self) -> None:
        """Show nothing."""
        self._stacks = ()
        self._exact = math.nan
        self._remove_marks()
        self._title.setText(TITLE)
        super().remove_curves()

    def restyle(self) -> None:
        """The theme's colours."""
        super().restyle()
        self._draw()

    def half_paid(self) -> str:
        """By which t half of the first stack's KLs is paid, in words; "" where there is but one."""
        if not self._stacks:
            return ""
        stack = self._stacks[0]
        x, y = stack.running()
        paid = y[0] - y
        if len(x) <= 2 or paid[-1] <= 0:
            return ""
        return f"{stack.name}: half of the KL by t = {x[int(np.argmax(paid >= paid[-1] / 2))]:g}"

    # Drawing

    def _shown(self, nats: float) -> float:
        return -nats / (self._dimensions * math.log(2)) if self.unit.currentData() else nats

    def _draw(self) -> None:
        if not self._stacks:
            return
        self._remove_marks()
        for gone in set(self._curves) - {stack.name for stack in self._stacks}:
            self.plot.removeItem(self._curves.pop(gone))
            self._data.pop(gone)
        bits = bool(self.unit.currentData())
        factor = self._shown(1.0)
        T, series = self._maximum, theme.current().series
        ends = [0.0]
        for i, stack in enumerate(self._stacks):
            x, y = stack.running()
            y = y * factor
            self.set_curve(stack.name, x, y)
            self._curves[stack.name].setZValue(-2 * i)
            if i == 0:
                self._area = Band(self.plot, -20)
                self._area.show(x, np.full(len(y), y[0]), y)
                self._area.paint(_clear(series[0]))
                self._bar(-BAR[1] * T, (BAR[1] - BAR[0]) * T, 0.0, float(y[0]), theme.current().muted)
            width = (BAR[1] - BAR[0]) * T / len(self._stacks)
            total = self._shown(stack.total.mean)
            self._bar(T + BAR[0] * T + i * width, width, float(y[-1]), total, series[i % len(series)])
            ends += [float(y.min()), float(y.max()), total]
        self._level(self._shown(self._stacks[0].total.mean), theme.current().text, Qt.PenStyle.DashLine)
        if math.isfinite(self._exact):
            ends.append(self._shown(self._exact))
            self._level(ends[-1], theme.current().warning, Qt.PenStyle.DotLine)
        margin = 0.06 * (max(ends) - min(ends)) or 1.0
        self.plot.setYRange(min(ends) - margin, max(ends) + margin, padding=0)
        self.set_left_label("bits/dim" if bits else "nats")
        self._title.setText(self._sentence())
        self._show_legend()
        self._refresh()

    def _sentence(self) -> str:
        """The bound with as many figures as its error allows."""
        total, size = self._stacks[0].total, abs(self._shown(1.0))
        text = estimate(Value(self._shown(total.mean), total.error * size)).split(" ")[0]
        return f"−log p(x₀) ≤ {text}" if self.unit.currentData() else f"log p(x₀) ≥ {text}"

    def _show_legend(self) -> None:
        super()._show_legend()
        if math.isfinite(self._exact):
            exact = f"<span style='color:{theme.current().warning}'>{self.line_name}</span>"
            self._legend.setText("&nbsp;&nbsp;".join(part for part in (self._legend.text(), exact) if part))

    def _bar(self, x: float, width: float, low: float, high: float, colour: str) -> None:
        bar = QGraphicsRectItem(QRectF(x, min(low, high), width, abs(high - low)))
        bar.setPen(pg.mkPen(colour, width=1.5))
        bar.setBrush(_clear(colour))
        self.plot.addItem(bar)
        self._bars.append(bar)

    def _level(self, y: float, colour: str, style: Qt.PenStyle) -> None:
        line = pg.InfiniteLine(y, angle=0, pen=pg.mkPen(colour, width=1.2, style=style))
        self.plot.addItem(line)
        self._levels.append(line)

    def _remove_marks(self) -> None:
        for item in (*self._bars, *self._levels):
            self.plot.removeItem(item)
        self._bars, self._levels = [], []
        if self._area is not None:
            self._area.remove()
            self._area = None

    def _label_axis(self) -> None:
        """With the names of the parts that have no time."""
        T, middle = self._maximum, (BAR[0] + BAR[1]) / 2
        numbers = [(float(value), str(value)) for value in round_numbers(T)]
        named = [(-middle * T, "rec."), *numbers, ((1 + middle) * T, "prior")]
        self.plot.getAxis("bottom").setTicks([named])
        self._refresh()


def _clear(colour: str) -> QColor:
    found = QColor(colour)
    found.setAlpha(BAND_OPACITY)
    return found
