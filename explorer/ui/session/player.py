"""Playing a run: on, back, a step at a time, and over what is recorded."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from explorer.ui.runner import Runner
from explorer.ui.runs import RunRecord
from explorer.ui.session.looks import Looks
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene

SMOOTH_PACE = 1 / 60
"""Replaying a recorded run faster than the screen is pointless."""


class Player(QObject):
    """Goes along the time axis: through a forward view's times, or a run's steps."""

    def __init__(self, scene: Scene, runner: Runner, runs: RunMaker, looks: Looks) -> None:
        super().__init__(scene)
        self._scene = scene
        self._runner = runner
        self._runs = runs
        self._looks = looks
        self._replay = QTimer(self)
        self._replay.timeout.connect(self._replay_step)
        self._loop = False
        self._backwards = False
        self._pace = 0.0
        runner.busyChanged.connect(self._update_busy)
        scene.inquiry.busyChanged.connect(self._update_busy)

    # Where on the axis

    def set_time(self, t: int) -> None:
        """The slider was dragged to t: any time of a forward view, the nearest recorded step of a run."""
        scene = self._scene
        if scene.state.source == "reverse":
            if scene.run is not None and scene.run.made:
                self.set_step(scene.run.step_at(t))
            else:
                scene.stateChanged.emit()  # put the slider back
        elif t != scene.state.t:
            scene.choose(announce=False, t=t)
            self._looks.look(dragging=True)  # first: the network begins while the window shows the new time
            scene.stateChanged.emit()

    def set_step(self, step: int) -> None:
        """Show a recorded step of the run. Ends playing."""
        self.pause()
        scene, run = self._scene, self._scene.run
        if run is None or not run.made:
            return
        step = min(max(step, 0), run.made - 1)
        if step != scene.state.step:
            self._show(step)
        else:
            scene.stateChanged.emit()

    def set_time_or_step(self, t: int, step: int) -> None:
        """A frame of the filmstrip was chosen: the one at t of a forward view, that of a step of a run."""
        if self._scene.state.source == "forward":
            self.set_time(t)
        else:
            self.set_step(step)

    def step(self) -> None:
        """One step on: in a run towards the data, in a forward view towards the noise."""
        scene, run = self._scene, self._scene.run
        if scene.facts is None:
            return
        if scene.state.source == "forward":
            self.set_time(min(scene.state.t + 1, scene.facts.T))
            return
        self.pause()
        if run is None or run.made == 0:
            self._runs.begin(playing=False)
        elif scene.state.step < run.made - 1 and not run.changed:
            self.set_step(scene.state.step + 1)
        elif not (run.finished and scene.state.step == run.made - 1):
            self._runs.go_on(scene.state.step, until=scene.state.step + 1)

    def back(self, steps: int = 1) -> None:
        """Back through a run's recorded steps; in a forward view towards the data."""
        state = self._scene.state
        if self._scene.facts is None:
            return
        if state.source == "forward":
            self.set_time(max(state.t - steps, 0))
        else:
            self.set_step(state.step - steps)

    def forward(self, steps: int) -> None:
        """Several steps on, through what is recorded."""
        state, facts = self._scene.state, self._scene.facts
        if facts is None:
            return
        if state.source == "forward":
            self.set_time(min(state.t + steps, facts.T))
        elif steps == 1:
            self.step()
        else:
            self.set_step(state.step + steps)

    def go_to_end(self, end: bool) -> None:
        """To the last time or recorded step, or to the first one."""
        facts, run = self._scene.facts, self._scene.run
        if facts is None:
            return
        if self._scene.state.source == "forward":
            self.set_time(facts.T if end else 0)
        elif run is not None:
            self.set_step(run.made - 1 if end else 0)

    def reset(self) -> None:
        """Show x_T, and forget the run unless it cannot be had again; in a forward view go to t = 0."""
        self.pause()
        if self._scene.facts is None:
            return
        if self._scene.state.source == "forward":
            self.set_time(0)
            return
        if (run := self._scene.run) is not None:
            run.dismissed = not self._scene.family.worth_keeping(run, self._scene.compared)
        self._runs.start(until=0)

    # Playing

    @property
    def replaying(self) -> bool:
        """True while recorded steps are played, which asks for no new ones."""
        return self._replay.isActive()

    def play(self) -> None:
        """Play on: through what is recorded, then by running the sampler. A finished run begins again."""
        scene = self._scene
        if scene.facts is None or scene.playing:
            return
        if scene.state.source != "reverse":
            scene.choose(source="reverse")
        run = scene.run
        at_end = run is not None and run.finished and scene.state.step == run.made - 1
        if self._backwards and run is not None and run.made > 1:
            if scene.state.step == 0:
                self._show(run.made - 1, dragging=False)
            self._play_recorded()
        elif run is None or run.made == 0 or (at_end and run.changed):
            self.set_playing(self._runs.begin(playing=True))
        elif scene.state.step == 0 and run.waits:
            self.set_playing(self._runs.begin(playing=True, afresh=True))  # the choices are for x_T, which is on show
        elif at_end:
            self._show(0, dragging=False)
            self._play_recorded()
        elif run.changed or scene.state.step == run.made - 1:
            self.set_playing(self._runs.go_on(scene.state.step))
        else:
            self._play_recorded()

    def pause(self) -> None:
        """Stop after the step on show."""
        self._replay.stop()
        if self._runner.running:
            self._runner.cancel_run()
        self.set_playing(False)

    def toggle_play(self) -> None:
        self.pause() if self._scene.playing else self.play()

    def set_backwards(self, backwards: bool) -> None:
        """Which way recorded steps are played; takes effect at once."""
        self._backwards = backwards
        if self._scene.playing:
            self.pause()
            self.play()

    def set_loop(self, loop: bool) -> None:
        """Whether playing begins again at the end."""
        self._loop = loop

    def set_pace(self, seconds: float) -> None:
        """The least time between two steps while playing."""
        self._pace = seconds
        self._runner.set_pace(seconds)
        self._replay.setInterval(self._interval)

    def set_playing(self, playing: bool) -> None:
        """Whether a run goes on now; whoever has started one says so."""
        self._scene.set_playing(playing)
        self._update_busy()

    def end_of_run(self) -> None:
        """The last step has been made or shown: over, or begin again."""
        run = self._scene.run
        if self._loop and run is not None and run.finished:
            self._show(0)
            self._play_recorded()
        else:
            self.pause()

    def close(self) -> None:
        self._replay.stop()

    @property
    def _interval(self) -> int:
        """Milliseconds between two recorded steps."""
        return int(1000 * max(self._pace, SMOOTH_PACE))

    def _show(self, step: int, dragging: bool = True) -> None:
        self._scene.show_step(step)
        self._looks.look(dragging)

    def _play_recorded(self) -> None:
        self._scene.set_playing(True)
        self._replay.start(self._interval)
        self._update_busy()

    def _replay_step(self) -> None:
        run, step = self._scene.run, self._scene.state.step
        if run is None:
            self.pause()
        elif self._backwards:
            self._replay_backwards(run, step)
        elif step + 1 < run.made and not run.changed:
            self._show(step + 1)
        elif run.finished and not run.changed:
            self.end_of_run()
        else:
            self._replay.stop()
            self.set_playing(self._runs.go_on(step))

    def _replay_backwards(self, run: RunRecord, step: int) -> None:
        if step > 0:
            self._show(step - 1)
        elif self._loop:
            self._show(run.made - 1)
        else:
            self.pause()

    def _update_busy(self) -> None:
        self._scene.set_busy(self._runner.busy or self._replay.isActive() or self._scene.inquiry.busy)
