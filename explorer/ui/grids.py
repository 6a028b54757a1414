"""Grids of runs of the open model: asked for, followed, stopped; dropped when another model or schedule is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from explorer.axes import cell_state, read_values, resolve_grid, value_text
from explorer.engine.frame import Frame, Ready
from explorer.engine.grid_frame import GridCell, GridProgress
from explorer.facts import ModelFacts
from explorer.request import Axis, AxisName, Grid
from explorer.state import ChoiceError, State
from explorer.ui.job import Job
from explorer.ui.runner import Runner
from explorer.ui.session import Session


@dataclass(frozen=True, eq=False)
class GridPlan:
    """A grid that is being made. state: the choices that it does not vary. headings: of its rows and columns."""

    grid: Grid
    state: State
    facts: ModelFacts
    row_headings: tuple[str, ...]
    column_headings: tuple[str, ...]


@dataclass(frozen=True)
class GridWish:
    """What the panel asks for. Values as they are written."""

    rows: AxisName
    row_values: str
    columns: AxisName
    column_values: str
    count: int


class Grids(QObject):
    """Turns a wish into a request, and answers into cells."""

    began = Signal(object)
    """A GridPlan."""
    cellFound = Signal(object)
    """A GridCell; one that is there already comes again where its quality changes."""
    progressed = Signal(float, str)
    """0 … 1, and what is being done."""
    dropped = Signal()
    """The grid was of another model, or of another schedule."""

    def __init__(self, runner: Runner, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._plan: GridPlan | None = None
        self._labels: dict[str, str] = {}
        self.job = Job(runner, "grid", self)
        self.job.answered.connect(self._take)
        self._schedule = session.state.schedule
        session.opened.connect(lambda _: self._drop())
        session.engineReady.connect(self._set_engine)
        session.stateChanged.connect(self._follow_state)

    def start(self, wish: GridWish) -> None:
        """Make a grid with the choices as they are now."""
        facts, state = self._session.facts, self._session.state
        if facts is None:
            return
        try:
            rows, columns = (
                Axis(name, read_values(name, text, facts, state, self._labels))
                for name, text in ((wish.rows, wish.row_values), (wish.columns, wish.column_values))
            )
            grid = resolve_grid(state, facts, rows, columns, wish.count)
        except ChoiceError as error:
            self._session.failed.emit(str(error))
            return
        self._session.pause()
        headings = (self._headings(axis, facts, state) for axis in (rows, columns))
        self._plan = GridPlan(grid, state.with_changes(count=wish.count), facts, *headings)
        self.began.emit(self._plan)
        self.job.begin(grid)

    def choose(self, row: int, column: int) -> None:
        """Make a cell's choices the present ones, and start that run in the ordinary view."""
        if self._plan is None:
            return
        grid, state = self._plan.grid, self._session.state
        chosen = ((grid.rows.name, grid.rows.values[row]), (grid.columns.name, grid.columns.values[column]))
        cell = cell_state(self._plan.state, chosen)
        self._session.run_with(
            sampler=cell.sampler,
            steps=cell.steps,
            sampler_seed=cell.sampler_seed,
            parameters=cell.parameters,
            label=cell.label,
            guidance_scale=cell.guidance_scale,
            guidance_kind=cell.guidance_kind,
            guidance_interval=cell.guidance_interval,
            guidance_rescale=cell.guidance_rescale,
            count=max(cell.count, state.count),
        )

    def _headings(self, axis: Axis, facts: ModelFacts, state: State) -> tuple[str, ...]:
        texts = (value_text(axis.name, value, facts, state) for value in axis.values)
        return tuple(self._labels.get(text, text) if axis.name == "sampler" else text for text in texts)

    def _set_engine(self, ready: Ready) -> None:
        self._labels = {spec.name: spec.label for spec in ready.samplers}

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, GridCell):
            self.cellFound.emit(frame)
        elif isinstance(frame, GridProgress):
            self.progressed.emit(frame.fraction, f"Cell {frame.done + 1} of {frame.cells}")

    def _follow_state(self) -> None:
        if self._session.state.schedule != self._schedule:
            self.job.stop()
            self._drop()

    def _drop(self) -> None:
        """The worker has dropped the requests of another model itself."""
        self._schedule = self._session.state.schedule
        self._plan = None
        self.dropped.emit()
