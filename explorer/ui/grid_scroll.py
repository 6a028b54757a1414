"""A table of widgets that scrolls beneath its headings: those of columns stay above it, those of rows beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget

ROW_WIDTH = 96
"""At most; longer headings of rows are wrapped."""
WRAPPED = 12
"""Letters."""
GAP = 6


class GridScroll(QScrollArea):
    """Cells by row and column, in a body that is as large as the area, or larger where they do not fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._cells: Mapping[tuple[int, int], QWidget] = {}
        self._above, self._beside, self._corner = QWidget(self), QWidget(self), QWidget(self)
        self._across, self._down = _label(self._above, "muted"), _label(self._corner, "muted")
        self._columns: list[QLabel] = []
        self._rows: list[QLabel] = []
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.valueChanged.connect(self._place)

    def show_cells(
        self,
        cells: Mapping[tuple[int, int], QWidget],
        titles: tuple[str, str],
        rows: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        """Show these cells. titles: what the rows are, and what the columns are."""
        self.clear()
        body = QWidget()
        body.setObjectName("panelBody")
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 8, 8)
        grid.setSpacing(GAP)
        for (row, column), cell in cells.items():
            grid.addWidget(cell, row, column)
            grid.setRowStretch(row, 1)
            grid.setColumnStretch(column, 1)
        self._cells = cells
        self._down.setText(f"{titles[0]} ↓")
        self._across.setText(f"{titles[1]} →")
        self._columns = [_label(self._above, "gridHeading", text) for text in columns]
        self._rows = [_label(self._beside, "gridHeading", text) for text in rows]
        for label in self._rows:
            label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            label.setWordWrap(len(label.text()) > WRAPPED)
        line = self._across.sizeHint().height()
        width = max(self._down.sizeHint().width(), *(min(label.sizeHint().width(), ROW_WIDTH) for label in self._rows))
        self.setViewportMargins(8 + width + GAP, 6 + 2 * line + GAP, 0, 0)
        self.setWidget(body)
        body.installEventFilter(self)
        self._place()

    def clear(self) -> None:
        """Nothing is shown."""
        for label in (*self._columns, *self._rows):
            label.deleteLater()
        self._columns, self._rows, self._cells = [], [], {}
        self._across.clear()
        self._down.clear()
        if (old := self.takeWidget()) is not None:
            old.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A layout gives the cells their places when the body is told to arrange itself anew.
        body = self.widget()
        if body is not None and watched is body and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            layout = body.layout()
            assert layout is not None
            layout.activate()
            self._place()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        """Every heading at its row or column, as far as that is in view."""
        view, line = self.viewport().geometry(), self._across.sizeHint().height()
        self._above.setGeometry(view.x(), 0, view.width(), view.y())
        self._beside.setGeometry(0, view.y(), view.x(), view.height())
        self._corner.setGeometry(0, 0, view.x(), view.y())
        self._across.setGeometry(0, 6, view.width(), line)
        self._down.setGeometry(8, 6 + line, view.x() - 8, line)
        left, top = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        for column, label in enumerate(self._columns):
            cell = self._cells[0, column].geometry()
            label.setGeometry(cell.x() - left, 6 + line, cell.width(), line)
            label.show()
        for row, label in enumerate(self._rows):
            cell = self._cells[row, 0].geometry()
            label.setGeometry(8, cell.y() - top, view.x() - 8 - GAP, cell.height())
            label.show()


def _label(parent: QWidget, name: str, text: str = "") -> QLabel:
    label = QLabel(text, parent)
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
