"""Making runs: begun, continued, branched off another, refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from explorer.engine.frame import Seen
from explorer.request import Run
from explorer.state import ChoiceError, resolve_run
from explorer.ui.runs import RunRecord
from explorer.ui.session.requests import Submits, beside
from explorer.ui.session.scene import Scene


class RunMaker:
    """Asks for the steps of runs and records them."""

    def __init__(self, scene: Scene, engine: Submits) -> None:
        self._scene = scene
        self._engine = engine
        self._count = 0
        """Runs so far; the number of the latest."""
        self._before: tuple[RunRecord | None, int] = (None, 0)
        """The last run that came about before the one on show, and which of its steps was on show."""

    # Asking

    def start(self, until: int | None = None) -> bool:
        """Begin a new run; False where the choices do not allow it. until: the last step to make, None for all."""
        scene = self._scene
        assert scene.facts is not None
        self._count += 1
        try:
            request = resolve_run(scene.state, scene.facts, self._count, until=until)
            if scene.start is not None:
                initial = scene.start.points(scene.state.count, scene.state.sampler_seed, scene.facts.shape[0])
                request = replace(request, initial=initial)
        except ChoiceError as error:
            self._go_back_to(scene.run, scene.state.step)
            scene.failed.emit(str(error))
            return False
        if scene.run is None or scene.run.made:
            self._before = (scene.run, scene.state.step)
        scene.run = RunRecord(self._count, scene.state)
        scene.state = scene.state.with_changes(step=0)
        scene.runChanged.emit()
        scene.stateChanged.emit()
        self._submit(request)
        return True

    def begin(self, playing: bool, afresh: bool = False) -> bool:
        """With the choices as they are now: a branch begins again where it branched off, any other run at x_T.

        playing: all of it, or its first step alone. afresh: at x_T in any case. False where that is not allowed.
        """
        scene, run = self._scene, self._scene.run
        if run is None or run.parent is None or afresh:
            return self.start(until=None if playing else 0)
        step = run.parent[1]
        try:
            request = self._request_from(run, step, None if playing else step, again=True)
        except ChoiceError as error:
            self._go_back_to(run, scene.state.step)
            scene.failed.emit(str(error))
            return False
        run.drop_after(step)
        run.choices = scene.state
        scene.filmDropped.emit(step)
        scene.show_step(step)
        scene.runChanged.emit()
        self._submit(request)
        return True

    def go_on(self, start: int, until: int | None = None) -> bool:
        """Go on from a step. Where the choices have changed since, and later steps would be lost, as a branch."""
        scene, run = self._scene, self._scene.run
        assert run is not None
        if run.changed and start < run.made - 1:
            return self.branch_off(start, until)
        try:
            request = self._request_from(run, start, until)
        except ChoiceError as error:
            scene.failed.emit(str(error))
            return False
        run.drop_after(start)
        run.choices = scene.state
        scene.filmDropped.emit(start)
        self._submit(request)
        return True

    def branch_off(self, step: int, until: int | None, edited: Any = None, edit_name: str = "") -> bool:
        """Go on from a step of the run on show in a new run, which is then on show; False where that is not allowed."""
        scene, parent = self._scene, self._scene.run
        assert scene.facts is not None
        assert parent is not None
        try:
            request = resolve_run(scene.state, scene.facts, self._count + 1, until=until)
        except ChoiceError as error:
            scene.failed.emit(str(error))
            return False
        self._count += 1
        if edited is None and request.edited is not None:
            edited, edit_name = request.edited, "z by hand"
        source, child = scene.family.source(parent), parent.fork(self._count, step, scene.state)
        parent.changed = False
        child.edited, child.edit_name = edited, edit_name
        scene.run = child
        scene.family.add(child, scene.compared)
        scene.filmDropped.emit(step)
        scene.show_step(step)
        scene.runChanged.emit()
        self._submit(replace(request, branch_of=(source.number, step), edited=edited))
        return True

    def begin_branch(self) -> bool:
        """The first step of a branch that has not begun is asked for as a step, not as a picture of one.

        False where that is not what is on show. Raises ChoiceError.
        """
        scene, run = self._scene, self._scene.run
        waits = run is not None and not run.begun and run.parent is not None and scene.state.step == run.parent[1]
        if run is None or not waits or scene.state.source != "reverse":
            return False
        self._submit(self._request_from(run, scene.state.step, scene.state.step))
        return True

    # What becomes of them

    def record(self, frame: Seen, announce: bool) -> None:
        """A step was made. announce: it is to be drawn."""
        scene, run = self._scene, self._scene.run
        if run is None or frame.run != run.number or frame.replayed:
            return
        if not run.made:
            scene.filmCleared.emit()
            scene.say_warnings()
            scene.family.add(run, scene.compared)
            if (before := self._before[0]) is not None:
                self.leave(before)
        del run.scalars[frame.step :]
        run.scalars.append(frame.scalars)
        run.times, run.finished, run.begun = frame.times, frame.finished, True
        if frame.thumbnail is not None:
            run.thumbnails[frame.step] = (frame.t, frame.thumbnail)
            scene.filmFrame.emit(frame.step, frame.t, frame.thumbnail)
        scene.show_step(frame.step, announce=announce)
        if announce:
            scene.runChanged.emit()

    def give_up(self) -> None:
        """The run failed: before its first step, what is on show is the one before it."""
        if self._scene.run is not None and not self._scene.run.made:
            self._go_back_to(*self._before)

    def leave(self, run: RunRecord) -> None:
        """Another run is on show: one that was hardly begun is not worth keeping."""
        run.changed = False
        family = self._scene.family
        if run.dismissed or (
            run.parent is None and run.made <= 1 and all(other.parent != (run.number, 0) for other in family)
        ):
            family.forget(run.number)

    def forget(self) -> None:
        """Another model is open."""
        self._before = (None, 0)

    def adopt(self, records: Iterable[RunRecord]) -> None:
        """Runs of a saved session; the next ones are numbered on."""
        for record in records:
            self._scene.family.add(record)
            self._count = max(self._count, record.number)

    def latest_times(self) -> tuple[int, ...]:
        """The plan of the last run that went down through the times; all times where there was none."""
        for run in (self._scene.run, self._before[0]):
            if run is not None and 1 < len(run.times) == len(set(run.times)):
                return run.times
        return tuple(range(self._scene.facts.T if self._scene.facts is not None else 1, -1, -1))

    def _go_back_to(self, run: RunRecord | None, step: int) -> None:
        """A run was refused: what is on show is the one before it, or a forward view. Let the choices say so."""
        scene = self._scene
        scene.run = run
        if run is None:
            scene.state = scene.state.with_changes(source="forward", step=0)
        else:
            was = run.choices
            run.dismissed = False
            scene.state = scene.state.with_changes(
                sampler=was.sampler,
                steps=was.steps,
                sampler_seed=was.sampler_seed,
                count=was.count,
                schedule=was.schedule,
                step=step,
            )
            if run.made:
                scene.state = scene.state.with_changes(t=run.times[step])
            run.changed = run.changed or scene.state.parameters != was.parameters
        scene.runChanged.emit()
        scene.stateChanged.emit()

    def _request_from(self, run: RunRecord, start: int, until: int | None, again: bool = False) -> Run:
        """The request to go on from a step of a run. again: from where it branched off, as it did then.

        Raises ChoiceError.
        """
        scene = self._scene
        assert scene.facts is not None
        parent = scene.family.get(run.parent[0]) if run.parent is not None else None
        if run.parent is None or (run.begun and not (again and parent)):
            return resolve_run(scene.state, scene.facts, run.number, start, until)
        request = resolve_run(scene.state, scene.facts, run.number, until=until)
        edited = run.edited if start == run.parent[1] else None
        source = run if parent is None else scene.family.source(parent)
        return replace(request, branch_of=(source.number, start), edited=edited)

    def _submit(self, request: Run) -> None:
        """The engine forgets what the window has forgotten."""
        wanted = tuple(run.number for run in self._scene.family)
        self._engine.submit(replace(beside(self._scene, request), wanted=wanted))
