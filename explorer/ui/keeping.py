"""Saving what is on show, and opening it again."""

from __future__ import annotations

import json
from dataclasses import replace

from PySide6.QtCore import Signal

from explorer.engine.frame import Restored, Saved
from explorer.engine.sharing.plain import to_plain
from explorer.engine.sharing.session_file import Notes, RunNotes
from explorer.request import Autosave, ModelRef, OpenSession, Save, SaveSession, ScheduleChoice
from explorer.state import ChoiceError, resolve_look
from explorer.ui.branching import Branching
from explorer.ui.runs import RunRecord

SESSION_ENDING = ".dxsession"


class Keeping(Branching):
    """What the engine is asked to write and to read."""

    saved = Signal(str, str)
    """path, what else there is to know"""
    savingBegan = Signal()
    _autosave_path = ""

    @property
    def saving(self) -> bool:
        """True while a file is being written that the user asked for."""
        return self._runner.doing("save")

    def save(self, path: str, lenses: tuple[str, ...] | None = None, plain_diffusers: bool = False) -> None:
        """Write what is on show, or the run it is a step of; the ending says how. lenses: the tiles, None for all."""
        if self.facts is None:
            return
        run = self.family.source(self.run).number if self.run is not None and self.run.made else None
        try:
            look = resolve_look(self.state, self.facts, run)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return
        self.pause()
        self.savingBegan.emit()
        self._runner.submit(Save(replace(look, lenses=lenses or look.lenses), path, plain_diffusers))

    def save_session(self, path: str) -> None:
        """Write everything that is open."""
        if self.facts is None:
            return
        self.pause()
        self.savingBegan.emit()
        self._runner.submit(SaveSession(self._reference(), path, self._notes()))

    def autosave(self, path: str) -> None:
        """The same in little, without a word, and while a run goes on."""
        if self.facts is not None and self._opening is None:
            self._autosave_path = path
            self._runner.submit(Autosave(self._reference(), path, self._notes()))

    def open_session(self, path: str) -> None:
        """Open what was saved. What is open stays until that has worked."""
        if self.engine_failure:
            self.failed.emit(self.engine_failure)
            return
        self.pause()
        self._opening = (self.facts, self.state)
        self.openingBegan.emit()
        self.progressed.emit("Reading the session…" if self._ready else "Loading PyTorch…")
        self._runner.submit(OpenSession(path))
        self._update_busy()

    def stop_saving(self) -> None:
        """What was there before stays."""
        if self.saving:
            self._runner.cancel("save")
            self.progressed.emit("Not saved.")

    def _reference(self) -> ModelRef:
        assert self.state.model is not None
        return ModelRef(self.state.model, self.state.device, schedule=self.state.schedule)

    def _notes(self) -> str:
        shown = self.family.source(self.run) if self.run is not None else None
        runs = tuple(
            RunNotes(run.number, run.choices.to_json(), run.parent, run.edit_name) for run in self.family if run.begun
        )
        number = shown.number if shown is not None and shown.begun else None
        return json.dumps(to_plain(Notes(self.state.to_json(), number, runs)))

    def _take_saved(self, frame: Saved) -> None:
        if frame.path != self._autosave_path:
            self.saved.emit(frame.path, frame.note)

    def _take_restored(self, frame: Restored) -> None:
        self._opening = None
        self.facts = frame.opened.facts
        self.family.clear()
        self.compared = self.second = None
        self._run_before = (None, 0)
        self._schedule_shown, self._schedule_asked = ScheduleChoice(), None
        self.x_t = None
        for run in frame.runs:
            finished = len(run.scalars) == len(run.times)
            record = RunRecord(run.number, run.choices, run.times, list(run.scalars), True, finished)
            record.parent, record.edit_name = run.parent, run.edit_name
            record.thumbnails = dict(run.thumbnails)
            self.family.add(record)
        self._runs = max([self._runs, *(run.number for run in frame.runs)])
        self.run = self.family.get(frame.shown) if frame.state.source == "reverse" else None
        state = frame.state.with_changes(model=self.facts.path)
        if self.run is None:
            state = state.with_changes(source="forward", step=0, t=min(max(state.t, 0), self.facts.T))
        else:
            step = min(max(state.step, 0), self.run.made - 1)
            state = state.with_changes(step=step, t=self.run.times[step])
        self.state = state
        self.filmCleared.emit()
        self.opened.emit(frame.opened)
        if self.run is not None:
            for index, (t, thumbnail) in self.run.thumbnails.items():
                self.filmFrame.emit(index, t, thumbnail)
        self.runChanged.emit()
        self.stateChanged.emit()
        self._before_first_picture = True
        self._look(film=True)
