"""The tab about grids of runs: what is varied along the rows and the columns, and how it goes."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

from explorer.axes import GRID_PICTURES, GRID_POINTS, axes_of
from explorer.engine.frame import Ready
from explorer.engine.grid_frame import Measure
from explorer.facts import ModelFacts
from explorer.request import AxisName
from explorer.state import State, max_count
from explorer.ui.axis_field import TITLE_WIDTH, AxisField
from explorer.ui.compute_row import ComputeRow
from explorer.ui.controls import named
from explorer.ui.field_column import WheelGuard
from explorer.ui.grids import GridWish
from explorer.ui.scroll_panel import ScrollPanel

LEAD = "Runs with every pair of values, from the same x<sub>T</sub>. All other choices are those at the left."


class GridPanel(ScrollPanel):
    """Shows what it is told; says what the user wants."""

    runClicked = Signal(object)
    """A GridWish."""
    stopClicked = Signal()
    showClicked = Signal()
    """The grid that was made is to be seen again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: ModelFacts | None = None
        self._state = State()
        self._there = False
        self._build_choices()
        self._build_results()
        self.column.addStretch(1)
        self._guard = WheelGuard(self)
        self._guard.watch(self)
        self._enable()

    # Building

    def _build_choices(self) -> None:
        lead = QLabel(LEAD)
        lead.setObjectName("muted")
        lead.setWordWrap(True)
        self.column.addWidget(lead)
        self.rows = AxisField("gridRows", "Rows")
        self.columns = AxisField("gridColumns", "Columns")
        for field in (self.rows, self.columns):
            field.wanted.connect(self._ask)
            self.column.addWidget(field)
        self._count = named(
            QSpinBox(),
            "gridCountSpin",
            "Samples in each cell",
            "How many samples each run has; the first ones of every cell begin with the same x_T",
        )
        self._count.setKeyboardTracking(False)
        self._count.setMinimum(1)
        form = QFormLayout()
        label = QLabel("Samples")
        label.setMinimumWidth(TITLE_WIDTH)
        form.setHorizontalSpacing(4)
        form.addRow(label, self._count)
        self.column.addLayout(form)
        self.row = ComputeRow(
            "grid", "Run", "Run the grid", "Run every cell, one after the other", "End with the cells that are there"
        )
        self.row.start.setObjectName("gridRunButton")
        self.row.startClicked.connect(self._ask)
        self.row.stopClicked.connect(self.stopClicked)
        self._show = named(
            QPushButton("Show the grid"), "gridShowButton", "Show the grid again", "The last grid in place of the tiles"
        )
        self._show.clicked.connect(self.showClicked)
        self.row.add_under(self._show)
        self.column.addWidget(self.row)

    def _build_results(self) -> None:
        self._heading = QLabel("Quality")
        self._heading.setObjectName("sectionTitle")
        self._words = QLabel()
        self._words.setObjectName("gridWords")
        self._words.setAccessibleName("What the quality number is")
        self._words.setWordWrap(True)
        self.column.addWidget(self._heading)
        self.column.addWidget(self._words)
        self._heading.hide()

    # Showing

    def set_engine(self, ready: Ready) -> None:
        """The samplers to choose from."""
        for field in (self.rows, self.columns):
            field.set_samplers(ready.samplers)

    def set_model(self, facts: ModelFacts, state: State) -> None:
        """Another model is open: offer what can be varied with it."""
        self._facts, self._state = facts, state
        names = axes_of(facts, state)
        self.rows.set_model(facts, state, names, "sampler")
        self.columns.set_model(facts, state, names, "steps")
        with QSignalBlocker(self._count):
            self._count.setMaximum(max_count(facts))
            self._count.setSingleStep(1 if facts.on_grid else 500)
            self._count.setValue(GRID_PICTURES if facts.on_grid else GRID_POINTS)
        self.drop()

    def set_state(self, state: State) -> None:
        """The kind of guidance decides which labels there are."""
        if self._facts is None or state.guidance_kind == self._state.guidance_kind:
            self._state = state
            return
        self._state = state
        names = axes_of(self._facts, state)
        for field in (self.rows, self.columns):
            field.set_model(self._facts, state, names, field.name)

    def begin(self) -> None:
        """A grid is being made."""
        self._there = True
        self.set_measure(None)
        self._enable()

    def set_running(self, running: bool) -> None:
        """Whether cells are being made."""
        self.row.set_running(running)
        self._enable()

    def set_measure(self, measure: Measure | None) -> None:
        """What the quality numbers are, in words."""
        self._heading.setVisible(measure is not None)
        self._heading.setText(f"Quality: {measure.name}" if measure is not None else "")
        self._words.setText(measure.words if measure is not None else "")

    def drop(self) -> None:
        """The grid is gone."""
        self._there = False
        self.set_measure(None)
        self.set_running(False)

    def _ask(self) -> None:
        if self._facts is not None and not self.row.running:
            rows: AxisName = self.rows.name
            columns: AxisName = self.columns.name
            self.runClicked.emit(GridWish(rows, self.rows.text, columns, self.columns.text, self._count.value()))

    def _enable(self) -> None:
        self.row.set_possible(self._facts is not None)
        self._show.setEnabled(self._there)
