"""What the window holds and asks: the State, the model's facts, the run on show, and the requests made of them.

It knows neither a widget nor torch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from explorer.engine.frame import Ready, SamplerSpec
from explorer.facts import ModelFacts
from explorer.lenses.drawable import Floats
from explorer.request import Film, Forward, Look, ModelRef, Prepare, Run, ScheduleChoice, Tabulate
from explorer.state import ChoiceError, State, resolve_look, resolve_run
from explorer.ui.runner import Runner
from explorer.ui.runs import Family, RunRecord

FILM_FRAMES = 33
COMPARED_LENSES = ("x_t", "x0")
SECOND_LENSES = ("x0", "eps")
"""Of two models: x_t is the same for both."""
L = TypeVar("L", Look, Run)


class StartingCloud(Protocol):
    """Places for the points of a run."""

    def points(self, n: int, seed: int) -> NDArray[np.float32]:
        """n places, (n, 2)."""
        ...


class Asking(QObject):
    """Signals tell the window what to show."""

    stateChanged = Signal()
    engineReady = Signal(object)
    openingBegan = Signal()
    openingEnded = Signal()
    """It failed, or was cancelled."""
    opened = Signal(object)
    scheduled = Signal(object)
    """The numbers of the schedule that the state names."""
    seen = Signal(object)
    drawn = Signal(object)
    """Tiles that took longer, by lens name."""
    runChanged = Signal()
    filmFrame = Signal(int, int, object)
    """step or time, t, thumbnail"""
    filmCleared = Signal()
    filmDropped = Signal(int)
    """The frames after this step are gone."""
    failed = Signal(str)
    progressed = Signal(str)
    playingChanged = Signal(bool)
    busyChanged = Signal(bool)

    def __init__(self, runner: Runner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = State()
        self.facts: ModelFacts | None = None
        self.run: RunRecord | None = None
        self.family = Family()
        self._runner = runner
        self._ready: Ready | None = None
        self._samplers: dict[str, SamplerSpec] = {}
        self._opening: tuple[ModelFacts | None, State] | None = None
        self._before_first_picture = False
        self._trial: tuple[int, State] | None = None
        """The look at a picture that may be none, and the state it leads to if it is one."""
        self.x_t: Floats | None = None
        """Of the step of a run on show, as it is: (n, …)."""
        self.compared: int | None = None
        """The run to show beside the one on show."""
        self.compared_lenses: tuple[str, ...] = COMPARED_LENSES
        self.second: ModelFacts | None = None
        """The model to show beside the open one, asked at the same x_t and t."""
        self.second_lenses: tuple[str, ...] = SECOND_LENSES
        self.place: tuple[int, int] | None = None
        """Row and column of the pixel that lenses of one number are about, None for the middle."""
        self._second_seen = False
        """Whether it has answered: one that cannot is given up."""
        self._schedule_shown = ScheduleChoice()
        self._schedule_asked: ScheduleChoice | None = None
        self._runs = 0
        self._run_before: tuple[RunRecord | None, int] = (None, 0)
        """The last run that came about before the one on show, and which of its steps was on show."""
        self._playing = False
        self._pace = 0.0
        self._busy = False
        self.start: StartingCloud | None = None
        """Where the next run starts, in place of the prior."""
        self.advice = ""
        """What to look at in the run on show, for the status line."""
        self.engine_failure = ""
        """Why there is no engine, where it could not start."""
        self._replay = QTimer(self)
        runner.busyChanged.connect(lambda _: self._update_busy())

    # What the window may ask

    @property
    def busy(self) -> bool:
        """True while anything asked for is not on show yet, or a run is playing."""
        return self._busy

    @property
    def playing(self) -> bool:
        return self._playing

    @property
    def by_step(self) -> bool:
        """True where the run stays at each time for several steps, so its statistics go by step."""
        run = self.run
        return run is not None and len(set(run.times)) < len(run.times)

    def sampler_values(self) -> dict[str, Any]:
        """The sampler parameters in force that differ from the samplers' own defaults."""
        defaults = self.facts.sampler_defaults if self.facts is not None else {}
        return {**defaults, **self.state.parameters}

    def look_again(self) -> None:
        """Ask once more for what is on show."""
        self._look()

    def set_place(self, place: tuple[int, int] | None) -> None:
        """Which pixel lenses of one number are about."""
        if place != self.place:
            self.place = place
            self._look()

    # Requests

    def _look(self, dragging: bool = False, film: bool = False) -> None:
        if self.facts is None:
            return
        try:
            run = self.family.source(self.run).number if self.run is not None and self.run.made else None
            if self.state.source == "reverse" and run is None:
                return
            if self.state.source == "reverse" and self._first_of_branch():
                return
            look = replace(resolve_look(self.state, self.facts, run), place=self.place)
            self._runner.submit(self._beside(look), dragging)
            if film and self.state.source == "forward":
                self._ask_for_film()
            if not dragging:
                self._prepare()
        except ChoiceError as error:
            self._end_opening()
            self.failed.emit(str(error))

    def _tabulate(self, choice: ScheduleChoice) -> None:
        """Ask for the numbers of a schedule, once."""
        if self.state.model is not None and choice != self._schedule_asked:
            self._schedule_asked = choice
            self._runner.submit(Tabulate(ModelRef(self.state.model, self.state.device, schedule=choice)))

    def _prepare(self) -> None:
        """Classifier-free guidance sends each sample through the network twice, as one batch."""
        state = self.state
        assert state.model is not None
        mixed = state.guidance_kind == "classifier-free" and state.guidance_scale not in (0.0, 1.0)
        count = state.count * (2 if state.label is not None and mixed else 1)
        self._runner.submit(Prepare(ModelRef(state.model, state.device, schedule=state.schedule), count))

    def _ask_for_film(self) -> None:
        assert self.facts is not None
        assert self.state.model is not None
        times = tuple(round(i * self.facts.T / (FILM_FRAMES - 1)) for i in range(FILM_FRAMES))
        count = 1 if self.facts.on_grid else min(self.state.count, 1000)
        source = Forward(self.state.sample, count, self.state.noise_seed, self.state.picture)
        ref = ModelRef(self.state.model, self.state.device, schedule=self.state.schedule)
        self._runner.submit(Film(ref, source, times))

    def _start_run(self, until: int | None = None) -> bool:
        """Begin a new run; False where the choices do not allow it."""
        assert self.facts is not None
        self._runs += 1
        try:
            request = resolve_run(self.state, self.facts, self._runs, until=until)
            if self.start is not None:
                initial = self.start.points(self.state.count, self.state.sampler_seed)
                request = replace(request, initial=initial)
        except ChoiceError as error:
            self._go_back_to(self.run, self.state.step)
            self.failed.emit(str(error))
            return False
        if self.run is None or self.run.made:
            self._run_before = (self.run, self.state.step)
        self.run = RunRecord(self._runs, self.state)
        self.state = self.state.with_changes(step=0)
        self.runChanged.emit()
        self.stateChanged.emit()
        self._submit_run(request)
        return True

    @property
    def comparing(self) -> bool:
        """True where another run is shown beside the one on show."""
        other = self.family.get(self.compared)
        return self.state.source == "reverse" and other is not None and other is not self.run

    @property
    def side_by_side(self) -> tuple[str, ...]:
        """The lenses through which two models or two runs are shown side by side, () where one is shown alone."""
        if self.second is not None:
            return self.second_lenses
        return self.compared_lenses if self.comparing else ()

    def _beside(self, request: L) -> L:
        """With the model or run that it is compared with, if any, and the lenses for that; in a run always with x_t."""
        if (second := self.second) is not None:
            overrides = (("weights", second.weights),) if second.weights else ()
            ref = ModelRef(second.path, self.state.device, overrides)
            hidden = self.state.source == "reverse" and "x_t" not in self.second_lenses
            names = ("x_t", *self.second_lenses) if hidden else self.second_lenses
            return replace(request, second=ref, lenses=names)
        if self.comparing:
            return replace(request, against=self.compared, lenses=self.compared_lenses)
        # x_t is what edits begin with, on show or not.
        editable = self.facts is not None and self.facts.family == "diffusion"
        without = editable and "x_t" not in request.lenses and self.state.source == "reverse"
        return replace(request, lenses=("x_t", *request.lenses)) if without else request

    def _submit_run(self, request: Run) -> None:
        """The engine forgets what the window has forgotten."""
        self._runner.submit(replace(self._beside(request), wanted=tuple(run.number for run in self.family)))

    def _go_back_to(self, run: RunRecord | None, step: int) -> None:
        """A run was refused: what is on show is the one before it, or a forward view. Let the choices say so."""
        self.run = run
        if run is not None:
            run.dismissed = False
        if run is None:
            self.state = self.state.with_changes(source="forward", step=0)
        else:
            was = run.choices
            self.state = self.state.with_changes(
                sampler=was.sampler,
                steps=was.steps,
                sampler_seed=was.sampler_seed,
                count=was.count,
                schedule=was.schedule,
                step=step,
            )
            if run.made:
                self.state = self.state.with_changes(t=run.times[step])
            run.changed = run.changed or self.state.parameters != was.parameters
        self.runChanged.emit()
        self.stateChanged.emit()

    def _continue_run(self, start: int, until: int | None = None) -> bool:
        """Go on from a step. Where the choices have changed since, and later steps would be lost, as a branch."""
        assert self.facts is not None
        assert self.run is not None
        if self.run.changed and start < self.run.made - 1:
            return self._branch_off(start, until)
        try:
            request = self._request_from(self.run, start, until)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return False
        self.run.drop_after(start)
        self.run.choices = self.state
        self.filmDropped.emit(start)
        self._submit_run(request)
        return True

    def _branch_off(self, step: int, until: int | None, edited: Any = None, edit_name: str = "") -> bool:
        """Go on from a step of the run on show in a new run, which is then on show; False where that is not allowed."""
        assert self.facts is not None
        assert self.run is not None
        try:
            request = resolve_run(self.state, self.facts, self._runs + 1, until=until)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return False
        self._runs += 1
        if edited is None and request.edited is not None:
            edited, edit_name = request.edited, "z by hand"
        source = self.family.source(self.run)
        parent, child = self.run, self.run.fork(self._runs, step, self.state)
        parent.changed = False
        child.edited, child.edit_name = edited, edit_name
        self.run = child
        self.family.add(child, self.compared)
        self.filmDropped.emit(step)
        self._show_step(step)
        self.runChanged.emit()
        self._submit_run(replace(request, branch_of=(source.number, step), edited=edited))
        return True

    def _request_from(self, run: RunRecord, start: int, until: int | None, again: bool = False) -> Run:
        """The request to go on from a step of a run. again: from where it branched off, as it did then.

        Raises ChoiceError.
        """
        assert self.facts is not None
        if run.parent is None or (run.begun and not (again and self.family.get(run.parent[0]))):
            return resolve_run(self.state, self.facts, run.number, start, until)
        request = resolve_run(self.state, self.facts, run.number, until=until)
        edited = run.edited if start == run.parent[1] else None
        return replace(request, branch_of=(self._source_of_branch(run).number, start), edited=edited)

    def _first_of_branch(self) -> bool:
        """The first step of a branch that has not begun is asked for as a step, not as a picture of one."""
        run = self.run
        if run is None or run.begun or run.parent is None or self.state.step != run.parent[1]:
            return False
        self._submit_run(self._request_from(run, self.state.step, self.state.step))
        return True

    def _source_of_branch(self, run: RunRecord) -> RunRecord:
        parent = self.family.get(run.parent[0]) if run.parent is not None else None
        return run if parent is None else self.family.source(parent)

    def _leave(self, run: RunRecord) -> None:
        """Another run is on show: one that was hardly begun is not worth keeping."""
        run.changed = False
        if run.dismissed or (
            run.parent is None and run.made <= 1 and all(other.parent != (run.number, 0) for other in self.family)
        ):
            self.family.forget(run.number)

    # Helpers

    def _latest_times(self) -> tuple[int, ...]:
        """The plan of the last run that went down through the times; all times where there was none."""
        for run in (self.run, self._run_before[0]):
            if run is not None and 1 < len(run.times) == len(set(run.times)):
                return run.times
        return tuple(range(self.facts.T if self.facts is not None else 1, -1, -1))

    def _end_opening(self) -> None:
        """The first picture is there, or will not be: the status line is free for what the format warns of."""
        if self._before_first_picture and self.facts is not None:
            self._before_first_picture = False
            self._say_warnings()

    def _say_warnings(self) -> None:
        """Nothing goes on that the status line need tell of."""
        warning = self.facts.warnings[0] if self.facts is not None and self.facts.warnings else ""
        self.progressed.emit(self.advice or warning)

    def _show_step(self, step: int, announce: bool = True) -> None:
        assert self.run is not None
        t = self.run.times[step]
        self.state = self.state.with_changes(step=step, t=t)
        if announce:
            self.stateChanged.emit()

    def _set_playing(self, playing: bool) -> None:
        if playing != self._playing:
            self._playing = playing
            self.playingChanged.emit(playing)
        self._update_busy()

    def _update_busy(self) -> None:
        busy = self._runner.busy or self._replay.isActive()
        if busy != self._busy:
            self._busy = busy
            self.busyChanged.emit(busy)
