"""What the engine answered: kept, and handed on to the window."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.engine.frame import (
    Drawn,
    Failed,
    FilmStrip,
    Frame,
    Opened,
    Progress,
    Ready,
    Restored,
    Saved,
    ScheduleTable,
    Seen,
)
from explorer.engine.worker import Answer
from explorer.request import ScheduleChoice
from explorer.ui.keeping import Keeping
from explorer.ui.runner import Runner


class Answers(Keeping):
    """Takes the runner's answers."""

    def __init__(self, runner: Runner, parent: QObject | None = None) -> None:
        super().__init__(runner, parent)
        runner.answered.connect(self._take)
        self.stateChanged.connect(self._follow_schedule)

    def _take(self, answer: Answer, newest: bool) -> None:
        frame = answer.frame
        tried = self._trial is not None and answer.job == self._trial[0]
        if tried:
            self._end_trial(frame)
        if isinstance(frame, Ready):
            self._ready = frame
            self._samplers = {sampler.name: sampler for sampler in (*frame.samplers, *frame.chain_samplers)}
            self.engineReady.emit(frame)
            if self._opening is not None:
                self.progressed.emit("Reading the weights…")
        elif isinstance(frame, Progress):
            if frame.message:
                self.progressed.emit(frame.message)
        elif isinstance(frame, Opened):
            self._take_opened(frame)
        elif isinstance(frame, ScheduleTable):
            self._take_schedule(frame)
        elif isinstance(frame, Seen):
            self._take_seen(frame, newest)
        elif isinstance(frame, Drawn):
            self.drawn.emit(frame.tiles)
        elif isinstance(frame, FilmStrip):
            self.filmCleared.emit()
            for t, thumbnail in zip(frame.times, frame.thumbnails, strict=True):
                self.filmFrame.emit(t, t, thumbnail)
        elif isinstance(frame, Saved):
            self._take_saved(frame)
        elif isinstance(frame, Restored):
            self._take_restored(frame)
        elif isinstance(frame, Failed) and frame.during != "keep":  # tried again in a second, and not asked for
            self._take_failure(frame, tried)
        if answer.last and self._playing and not self._runner.running and not self._replay.isActive():
            self._end_of_run()
        self._update_busy()

    def _follow_schedule(self) -> None:
        """Another run may go by another schedule, and a model may be opened anew with one."""
        if self.facts is not None and self.state.schedule != self._schedule_shown and self._opening is None:
            self._tabulate(self.state.schedule)

    def _take_schedule(self, frame: ScheduleTable) -> None:
        """A schedule that is wanted exists: go by it, if the state does not do so already."""
        if frame.choice != self._schedule_asked:
            return
        self._schedule_asked = None
        self._schedule_shown = frame.choice
        self.scheduled.emit(frame)
        if frame.choice != self.state.schedule:
            self._go_by(frame.choice)

    def _go_by(self, choice: ScheduleChoice) -> None:
        """Look, or run, on another schedule."""
        raise NotImplementedError

    def _take_opened(self, frame: Opened) -> None:
        assert self._opening is not None
        _, self.state = self._opening
        self._opening = None
        self.facts = frame.facts
        self.run = None
        self._run_before = (None, 0)
        self._schedule_shown, self._schedule_asked = ScheduleChoice(), None
        self.family.clear()
        self.compared = self.second = None
        self.x_t = None
        self.filmCleared.emit()
        self.opened.emit(frame)
        self.runChanged.emit()
        self.stateChanged.emit()
        self._before_first_picture = True
        self.progressed.emit("Computing the first picture…")
        self._look(film=True)

    def _take_seen(self, frame: Seen, newest: bool) -> None:
        self._end_opening()
        if frame.second and not self._second_seen:
            self._second_seen = True
            self._say_warnings()
        run = self.run
        if frame.run is not None and run is not None and frame.run == run.number and not frame.replayed:
            if not run.made:
                self.filmCleared.emit()
                self._say_warnings()
                self.family.add(run, self.compared)
                if (before := self._run_before[0]) is not None:
                    self._leave(before)
            del run.scalars[frame.step :]
            run.scalars.append(frame.scalars)
            run.times, run.finished, run.begun = frame.times, frame.finished, True
            if frame.thumbnail is not None:
                run.thumbnails[frame.step] = (frame.t, frame.thumbnail)
                self.filmFrame.emit(frame.step, frame.t, frame.thumbnail)
            self._show_step(frame.step, announce=newest)
            if newest:
                self.runChanged.emit()
        if newest:
            self.x_t = frame.tiles["x_t"].data if frame.run is not None and "x_t" in frame.tiles else None
            self.seen.emit(frame)

    def _take_failure(self, frame: Failed, tried: bool) -> None:
        if frame.during == "start":
            self.engine_failure = frame.message
        if frame.during in ("start", "open"):
            self._opening = None
            self.progressed.emit("")
            self.openingEnded.emit()
        if frame.during == "save":
            self.progressed.emit("")
        if frame.during == "run":
            self._set_playing(False)
            self._say_warnings()
            if self.run is not None and not self.run.made:
                self._go_back_to(*self._run_before)
        if frame.during == "schedule":
            self._schedule_asked = None
            if self.state.schedule != self._schedule_shown:  # a saved state, of another model perhaps
                self.state = self.state.with_changes(schedule=self._schedule_shown)
                self._look(film=True)
        if frame.during in ("look", "run") and self.second is not None and not self._second_seen:
            self.second = None  # it could not be read, or not be asked this
            if frame.during == "look":
                self._look()
        if frame.during == "look":
            self._end_opening()
            if not tried and self.state.picture is not None:  # it was there once, and is no more
                self.state = self.state.with_changes(picture=None)
                self._look(film=True)
        if self.facts is not None:
            self.stateChanged.emit()
        self.failed.emit(frame.message)

    def _end_trial(self, frame: Frame | None) -> None:
        """The user's picture could be shown, or not: go on with it, or with what was there before."""
        assert self._trial is not None
        (_, state), self._trial = self._trial, None
        if not isinstance(frame, Seen):
            self._look()  # the trial may have taken the place of a look
            return
        self.state = state
        if self.run is not None:
            self.run = None
            self.runChanged.emit()
        self.stateChanged.emit()
        self._ask_for_film()
        self._prepare()
