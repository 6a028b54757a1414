"""The named parts of a bound, a row for each."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.engine.likelihood_frame import Stacked, Value
from explorer.ui.estimate_text import estimate, number
from explorer.ui.number_table import NumberTable

TIP = "What this part adds to log p(x₀), in nats per sample"


class PartsTable(QWidget):
    """Shows a Stacked in a NumberTable, which is made anew where the parts have other names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._table: NumberTable | None = None
        self._form: tuple[object, ...] = ()

    def text(self, key: str, column: int = 1) -> str:
        """What a cell says: key is "total", "bits", "exact" or the number of a part."""
        assert self._table is not None
        return self._table.text(key, column)

    def show_stacked(self, found: Stacked) -> None:
        """The parts, their sum, that in bits, and log p where it is known."""
        names = found.stacks[0].names
        columns = tuple(stack.name for stack in found.stacks)
        if (names, columns) != self._form or self._table is None:
            self._form = (names, columns)
            self._lay_out(names, columns)
        assert self._table is not None
        for i in range(len(names)):
            self._table.set_row(str(i), *(number(float(stack.values[i]), 2) for stack in found.stacks))
        self._table.set_row("total", *(estimate(stack.total) for stack in found.stacks), strong=True)
        per_bit = found.dimensions * math.log(2)
        bits = (Value(-one.total.mean / per_bit, one.total.error / per_bit) for one in found.stacks)
        self._table.set_row("bits", *(estimate(value) for value in bits))
        self._table.set_row("exact", "–" if found.exact is None else estimate(found.exact))

    def _lay_out(self, names: tuple[str, ...], columns: tuple[str, ...]) -> None:
        if self._table is not None:
            self._layout.removeWidget(self._table)
            self._table.deleteLater()
        rows = [(str(i), name, TIP) for i, name in enumerate(names)]
        rows += [
            ("total", "= bound", "The sum of the parts ≤ log p(x₀)"),
            ("bits", "bits/dim", "−bound / (d log 2): what one number of a sample costs"),
            ("exact", "log p, exact", "log p(x₀) of the distribution that the data are drawn from"),
        ]
        self._table = NumberTable("partsTable", "Parts of the bound", columns, rows)
        self._layout.addWidget(self._table)
