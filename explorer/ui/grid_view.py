"""A grid of runs in the centre of the window, in place of the tiles."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.axes import TITLES
from explorer.engine.grid_frame import GridCell
from explorer.ui.controls import named
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.grid_cell import GridCellView
from explorer.ui.grid_scroll import GridScroll
from explorer.ui.grids import GridPlan

MANY_PARTS = 20.0
"""Half-widths of the plane are whole multiples of 1/20, so that they change seldom while cells come."""


class GridView(QWidget):
    """Shows what it is told; says which cell is chosen."""

    chosen = Signal(int, int)
    backClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gridView")
        self.setAccessibleName("Grid of runs")
        self._plan: GridPlan | None = None
        self._cells: dict[tuple[int, int], GridCellView] = {}
        self._title = QLabel()
        self._title.setObjectName("tileTitle")
        self._told = ElidedLabel()
        self._told.setObjectName("muted")
        back = named(QPushButton("Back to tiles"), "gridBackButton", "Back to the tiles", "Esc")
        back.clicked.connect(self.backClicked)
        heading = QHBoxLayout()
        heading.setContentsMargins(4, 0, 0, 0)
        heading.setSpacing(10)
        heading.addWidget(self._title)
        heading.addWidget(self._told, 1)
        heading.addWidget(back)
        self._scroll = GridScroll()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(heading)
        layout.addWidget(self._scroll, 1)

    @property
    def cells(self) -> dict[tuple[int, int], GridCellView]:
        """By row and column."""
        return self._cells

    def begin(self, plan: GridPlan) -> None:
        """A grid of empty cells with their headings."""
        self._plan = plan
        rows, columns = TITLES[plan.grid.rows.name], TITLES[plan.grid.columns.name]
        self._title.setText(f"{rows} × {columns}")
        self._cells = {}
        for row, row_text in enumerate(plan.row_headings):
            for column, column_text in enumerate(plan.column_headings):
                view = GridCellView(row, column, f"{rows} {row_text}, {columns.lower()} {column_text}")
                view.clicked.connect(self.chosen)
                self._cells[row, column] = view
        self._scroll.show_cells(self._cells, (rows, columns), plan.row_headings, plan.column_headings)
        self._tell()

    def set_running(self, running: bool) -> None:
        """Whether more cells are to come."""
        for view in self._cells.values():
            view.set_awaited(running)

    def show_cell(self, cell: GridCell) -> None:
        """A cell is done, or its quality has changed."""
        view = self._cells.get((cell.row, cell.column))
        if view is None or self._plan is None:
            return
        view.show_cell(cell, self._plan.facts.value_range)
        best = best_of(view.cell for view in self._cells.values() if view.cell is not None)
        half_width = half_width_of(view.cell for view in self._cells.values() if view.cell is not None)
        for place, other in self._cells.items():
            other.set_best(place in best)
            other.set_half_width(half_width)
        self._tell()

    def clear(self) -> None:
        """Forget everything."""
        self._plan, self._cells = None, {}
        self._scroll.clear()

    def restyle(self) -> None:
        """The theme's colours."""
        for view in self._cells.values():
            view.update()

    def _tell(self) -> None:
        """What the numbers beneath the cells are."""
        measures = {view.cell.measure for view in self._cells.values() if view.cell is not None} - {None}
        names = {measure.name: measure.higher_is_better for measure in measures if measure is not None}
        quality = "".join(f" · {name} ({'higher' if up else 'lower'} is better)" for name, up in names.items())
        self._told.setText(
            f"calls{quality}"
            + ("   ★ best, for the fewest calls" if any(view.best for view in self._cells.values()) else "")
        )


def best_of(cells: Iterable[GridCell]) -> set[tuple[int, int]]:
    """Row and column of the cells that no other of the same measure is better than; of equally good ones those that
    took the fewest network calls. Nothing where half of them are as good, and never the reference."""
    named: dict[str, list[GridCell]] = {}
    for cell in cells:
        if cell.quality is not None and cell.measure is not None and not cell.reference:
            named.setdefault(cell.measure.name, []).append(cell)
    best: set[tuple[int, int]] = set()
    for group in named.values():
        if len(group) < 2:
            continue

        def rank(cell: GridCell) -> tuple[float, int]:
            assert cell.quality is not None
            assert cell.measure is not None
            return (-cell.quality if cell.measure.higher_is_better else cell.quality), cell.network_calls

        top = min(rank(cell) for cell in group)
        found = {(cell.row, cell.column) for cell in group if rank(cell) == top}
        best |= found if 2 * len(found) < len(group) or len(found) == 1 else set()
    return best


def half_width_of(cells: Iterable[GridCell]) -> float:
    """Of the square of the plane that shows most points of most cells; runs that went astray do not widen it."""
    reaches = [float(np.quantile(np.abs(cell.x), 0.995)) for cell in cells if cell.x is not None and cell.x.ndim == 2]
    return float(np.ceil(MANY_PARTS * 1.2 * np.median(reaches)) / MANY_PARTS) if reaches else 1.0
