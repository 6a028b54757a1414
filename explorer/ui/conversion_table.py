"""A table of formulas with their numbers: one block of two lines for each form that follows from the chosen one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from explorer.engine.forms_frame import Conversion
from explorer.ui.elided_label import ElidedLabel

SYMBOLS = {"x0": "x̂₀", "eps": "ε̂", "score": "ŝ", "v": "v̂", "u": "û"}
ROWS = 4
"""Of five forms one is given."""


class ConversionTable(QWidget):
    """Left the formula and, beneath it, the same with this time's numbers; right the largest difference."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conversionTable")
        self.setAccessibleName("Formulas from the chosen form to the others, with the numbers of this t")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(0, 1)
        heads = QLabel("formula, with numbers"), QLabel("max |Δ|")
        for column, head in enumerate(heads):
            head.setObjectName("muted")
            grid.addWidget(head, 0, column)
        heads[1].setAlignment(Qt.AlignmentFlag.AlignRight)
        heads[1].setToolTip(
            "The largest difference, over all numbers on show, between the formula and what follows from the network's "
            "own output; both in float64"
        )
        line = QFrame()
        line.setObjectName("tableLine")
        line.setFixedHeight(1)
        grid.addWidget(line, 1, 0, 1, 2)
        self._rows: list[tuple[ElidedLabel, ElidedLabel, QLabel]] = []
        for row in range(ROWS):
            formula, numbers, difference = ElidedLabel(), ElidedLabel(), QLabel()
            formula.setObjectName(f"conversion:{row}:formula")
            numbers.setObjectName(f"conversion:{row}:numbers")
            difference.setObjectName(f"conversion:{row}:difference")
            for label in (formula, numbers, difference):
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            difference.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(formula, 2 + 2 * row, 0)
            grid.addWidget(difference, 2 + 2 * row, 1, 2, 1)
            grid.addWidget(numbers, 3 + 2 * row, 0)
            grid.setRowMinimumHeight(3 + 2 * row, numbers.sizeHint().height() + 5)
            self._rows.append((formula, numbers, difference))

    def show_conversions(self, rows: list[Conversion]) -> None:
        """At most four; none where the forms do not follow from one another."""
        for labels, row in zip(self._rows, [*rows, *[None] * (ROWS - len(rows))], strict=True):
            formula, numbers, difference = labels
            if row is None:
                texts = ("", "", "")
            else:
                texts = (f"{SYMBOLS[row.target]} = {row.formula}", in_numbers(row), power(row.difference))
            formula.setText(texts[0])
            numbers.setText(texts[1])
            difference.setText(texts[2])

    def text(self, row: int) -> tuple[str, str, str]:
        """Formula, numbers and difference of a row."""
        formula, numbers, difference = self._rows[row]
        return formula.text(), numbers.text(), difference.text()


def in_numbers(row: Conversion) -> str:
    """ "= 1.236 x_t − 0.7265 ε̂" """
    terms = [(row.x_t_factor, "x_t"), (row.source_factor, SYMBOLS[row.source])]
    text = ""
    for factor, symbol in terms:
        if factor == 0:
            continue
        sign = "−" if factor < 0 else "+"
        if not text:
            text = f"{'−' if factor < 0 else ''}{_number(abs(factor))} {symbol}"
        else:
            text += f" {sign} {_number(abs(factor))} {symbol}"
    return f"   = {text or '0'}"


def power(value: float) -> str:
    """ "3e−13", "0" """
    return "0" if value == 0 else f"{value:.0e}".replace("-", "−").replace("e−0", "e−").replace("e+0", "e")


def _number(value: float) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:.4g}"
    return f"{value:.2e}".replace("-", "−").replace("e+0", "e").replace("e−0", "e−")
