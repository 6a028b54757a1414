"""Which noise schedule to go by. What is on show stays until the one that is wanted has turned out to be one."""

from __future__ import annotations

from typing import Protocol

from explorer.engine.frame import ScheduleTable
from explorer.request import ModelRef, ScheduleChoice, Tabulate
from explorer.ui.session.looks import Looks
from explorer.ui.session.requests import Submits
from explorer.ui.session.scene import Scene


class GoesBy(Protocol):
    """What follows once a schedule is known to exist."""

    def __call__(self, *, schedule: ScheduleChoice) -> None:
        """Look, or run, on this schedule."""
        ...


class Schedules:
    """Asks for the numbers of the schedule that is wanted, or that the state has come to name."""

    def __init__(self, scene: Scene, engine: Submits, looks: Looks, go_by: GoesBy) -> None:
        self._scene = scene
        self._engine = engine
        self._looks = looks
        self._go_by = go_by
        self._shown = ScheduleChoice()
        self._asked: ScheduleChoice | None = None
        scene.stateChanged.connect(self._follow)

    def set_schedule(self, choice: ScheduleChoice) -> None:
        """Go by another noise schedule."""
        if self._scene.facts is not None and choice != self._scene.state.schedule:
            self._tabulate(choice)

    def take(self, table: ScheduleTable) -> None:
        """A schedule that is wanted exists: go by it, if the state does not do so already."""
        if table.choice != self._asked:
            return
        self._asked = None
        self._shown = table.choice
        self._scene.scheduled.emit(table)
        if table.choice != self._scene.state.schedule:
            self._go_by(schedule=table.choice)

    def give_up(self) -> None:
        """There is no such schedule: keep to the one on show."""
        self._asked = None
        if self._scene.state.schedule != self._shown:  # a saved state, of another model perhaps
            self._scene.state = self._scene.state.with_changes(schedule=self._shown)
            self._looks.look(film=True)

    def forget(self) -> None:
        """Another model is open: its own schedule is on show."""
        self._shown, self._asked = ScheduleChoice(), None

    def _follow(self) -> None:
        """Another run may go by another schedule, and a model may be opened anew with one."""
        scene = self._scene
        if scene.facts is not None and scene.state.schedule != self._shown and scene.opening is None:
            self._tabulate(scene.state.schedule)

    def _tabulate(self, choice: ScheduleChoice) -> None:
        """Ask for the numbers of a schedule, once."""
        state = self._scene.state
        if state.model is not None and choice != self._asked:
            self._asked = choice
            self._engine.submit(Tabulate(ModelRef(state.model, state.device, schedule=choice)))
