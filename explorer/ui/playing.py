"""Playing a run: on, back, a step at a time, and over what is recorded."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.ui.asking import Asking
from explorer.ui.runner import Runner
from explorer.ui.runs import RunRecord

SMOOTH_PACE = 1 / 60
"""Replaying a recorded run faster than the screen is pointless."""


class Playing(Asking):
    """Goes along the time axis: through a forward view's times, or a run's steps."""

    def __init__(self, runner: Runner, parent: QObject | None = None) -> None:
        super().__init__(runner, parent)
        self._replay.timeout.connect(self._replay_step)
        self.loop = False
        """Play round and round."""
        self._backwards = False

    def set_time(self, t: int) -> None:
        """The slider was dragged to t: any time of a forward view, the nearest recorded step of a run."""
        if self.state.source == "reverse":
            if self.run is not None and self.run.made:
                self.set_step(self.run.step_at(t))
            else:
                self.stateChanged.emit()  # put the slider back
            return
        if t != self.state.t:
            self.state = self.state.with_changes(t=t)
            self.stateChanged.emit()
            self._look(dragging=True)

    def set_step(self, step: int) -> None:
        """Show a recorded step of the run. Ends playing."""
        self.pause()
        if self.run is None or not self.run.made:
            return
        step = min(max(step, 0), self.run.made - 1)
        if step != self.state.step:
            self._show_step(step)
            self._look(dragging=True)
        else:
            self.stateChanged.emit()

    def play(self) -> None:
        """Play on: through what is recorded, then by running the sampler. A finished run begins again."""
        if self.facts is None or self._playing:
            return
        if self.state.source != "reverse":
            self.state = self.state.with_changes(source="reverse")
            self.stateChanged.emit()
        run = self.run
        at_end = run is not None and run.finished and self.state.step == run.made - 1
        if self._backwards and run is not None and run.made > 1:
            if self.state.step == 0:
                self._show_step(run.made - 1)
                self._look()
            self._set_playing(True)
            self._play_recorded()
        elif run is None or run.made == 0 or (at_end and run.changed):
            self._set_playing(self._begin(playing=True))
        elif at_end:
            self._show_step(0)
            self._look()
            self._set_playing(True)
            self._play_recorded()
        elif run.changed or self.state.step == run.made - 1:
            self._set_playing(self._continue_run(self.state.step))
        else:
            self._set_playing(True)
            self._play_recorded()

    def set_backwards(self, backwards: bool) -> None:
        """Which way recorded steps are played; takes effect at once."""
        self._backwards = backwards
        if not self._playing:
            return
        self.pause()
        self.play()

    def set_loop(self, loop: bool) -> None:
        """Whether playing begins again at the end."""
        self.loop = loop

    def pause(self) -> None:
        """Stop after the step on show."""
        self._replay.stop()
        if self._runner.running:
            self._runner.cancel_run()
        self._set_playing(False)

    def toggle_play(self) -> None:
        self.pause() if self._playing else self.play()

    def step(self) -> None:
        """One step on: in a run towards the data, in a forward view towards the noise."""
        if self.facts is None:
            return
        if self.state.source == "forward":
            self.set_time(min(self.state.t + 1, self.facts.T))
            return
        self.pause()
        run = self.run
        if run is None or run.made == 0:
            self._begin(playing=False)
        elif self.state.step < run.made - 1 and not run.changed:
            self.set_step(self.state.step + 1)
        elif not (run.finished and self.state.step == run.made - 1):
            self._continue_run(self.state.step, until=self.state.step + 1)

    def back(self, steps: int = 1) -> None:
        """Back through a run's recorded steps; in a forward view towards the data."""
        if self.facts is None:
            return
        if self.state.source == "forward":
            self.set_time(max(self.state.t - steps, 0))
        else:
            self.set_step(self.state.step - steps)

    def forward(self, steps: int) -> None:
        """Several steps on, through what is recorded."""
        if self.facts is None:
            return
        if self.state.source == "forward":
            self.set_time(min(self.state.t + steps, self.facts.T))
        elif steps == 1:
            self.step()
        else:
            self.set_step(self.state.step + steps)

    def reset(self) -> None:
        """Forget the run and show x_T; in a forward view go to t = 0."""
        self.pause()
        if self.facts is None:
            return
        if self.state.source == "forward":
            self.set_time(0)
        else:
            if self.run is not None:
                self.run.dismissed = True
            self._start_run(until=0)

    def set_pace(self, seconds: float) -> None:
        """The least time between two steps while playing."""
        self._pace = seconds
        self._runner.set_pace(seconds)
        self._replay.setInterval(int(1000 * max(seconds, SMOOTH_PACE)))

    def _begin(self, playing: bool, afresh: bool = False) -> bool:
        """A run with the choices as they are now; playing: all of it, or its first step alone."""
        return self._start_run(until=None if playing else 0)

    def _play_recorded(self) -> None:
        self._replay.start(int(1000 * max(self._pace, SMOOTH_PACE)))
        self._update_busy()

    def _replay_step(self) -> None:
        run = self.run
        if run is None:
            self.pause()
        elif self._backwards:
            self._replay_backwards(run)
        elif self.state.step + 1 < run.made and not run.changed:
            self._show_step(self.state.step + 1)
            self._look(dragging=True)
        elif run.finished and not run.changed:
            self._end_of_run()
        else:
            self._replay.stop()
            self._set_playing(self._continue_run(self.state.step))

    def _replay_backwards(self, run: RunRecord) -> None:
        if self.state.step > 0:
            self._show_step(self.state.step - 1)
            self._look(dragging=True)
        elif self.loop:
            self._show_step(run.made - 1)
            self._look(dragging=True)
        else:
            self.pause()

    def _end_of_run(self) -> None:
        """Playing has come to the end: over, or begin again."""
        if self.loop and self.run is not None and self.run.finished:
            self._show_step(0)
            self._look(dragging=True)
            self._play_recorded()
        else:
            self.pause()
