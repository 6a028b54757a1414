"""A small table of numbers to read: names at the left, numbers at the right, a tooltip on every row."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from explorer.ui.elided_label import ElidedLabel

EMPTY = "–"


class NumberTable(QWidget):
    """rows: (key, name, tooltip). columns: the heads of the number columns."""

    def __init__(
        self,
        name: str,
        accessible: str,
        columns: Sequence[str],
        rows: Sequence[tuple[str, str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self._columns = len(columns)
        self._cells: dict[str, list[QLabel]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(0, 1)
        for column, head in enumerate(columns, 1):
            self._grid.addWidget(self._label(head, head, muted=True, right=True), 0, column)
        line = QFrame()
        line.setObjectName("tableLine")
        line.setFixedHeight(1)
        self._grid.addWidget(line, 1, 0, 1, self._columns + 1)
        for row, (key, title, tip) in enumerate(rows, 2):
            name_label = ElidedLabel(title)
            name_label.setObjectName("muted")
            name_label.setToolTip(tip)
            self._grid.addWidget(name_label, row, 0)
            cells = []
            for column in range(1, self._columns + 1):
                cell = self._label(EMPTY, tip, right=True)
                cell.setObjectName(f"{name}:{key}:{column}")
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._grid.addWidget(cell, row, column)
                cells.append(cell)
            self._cells[key] = cells

    def set_row(self, key: str, *texts: str, strong: bool = False) -> None:
        """Fill a row. A single text stands in the last column and may take the room of all."""
        cells = self._cells[key]
        if len(texts) == 1 < len(cells):
            texts = (*[""] * (len(cells) - 1), texts[0])
        for cell, text in zip(cells, texts, strict=True):
            cell.setText(text)
            font = cell.font()
            font.setBold(strong)
            cell.setFont(font)

    def clear(self) -> None:
        """No numbers."""
        for key, cells in self._cells.items():
            self.set_row(key, *[EMPTY] * len(cells))

    def text(self, key: str, column: int = 1) -> str:
        """What a cell says; columns of numbers count from 1."""
        return self._cells[key][column - 1].text()

    @staticmethod
    def _label(text: str, tip: str, muted: bool = False, right: bool = False) -> QLabel:
        label = QLabel(text)
        label.setToolTip(tip)
        if muted:
            label.setObjectName("muted")
        if right:
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return label
