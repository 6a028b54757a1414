"""What happens when the user does something: the one place that turns choices into requests.

It holds the State, the model's facts and the run on show, and knows neither a widget nor torch.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from explorer.engine.frame import Failed, FilmStrip, Opened, Progress, Ready, SamplerSpec, Seen
from explorer.engine.worker import Answer
from explorer.facts import ModelError, ModelFacts
from explorer.formats.registry import inspect
from explorer.request import Film, Forward, ModelRef, Open, Prepare
from explorer.state import DEFAULT_POINTS, ChoiceError, State, resolve_look, resolve_run
from explorer.ui.runner import Runner

FILM_FRAMES = 33
SMOOTH_PACE = 1 / 60
"""Replaying a recorded run faster than the screen is pointless."""

NEEDS_NEW_RUN = {"sampler", "steps", "sampler_seed", "count"}
LIVE = {"label", "guidance_scale", "parameters"}


@dataclass
class RunRecord:
    """The run on show, as far as the window must know it. changed: choices differ from those it was made with."""

    number: int
    times: tuple[int, ...] = ()
    scalars: list[Mapping[str, float]] = field(default_factory=list)
    finished: bool = False
    changed: bool = False

    @property
    def made(self) -> int:
        """How many steps are recorded."""
        return len(self.scalars)


class Session(QObject):
    """Signals tell the window what to show."""

    stateChanged = Signal()
    engineReady = Signal(object)
    opened = Signal(object)
    seen = Signal(object)
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
        self._runner = runner
        self._ready: Ready | None = None
        self._samplers: dict[str, SamplerSpec] = {}
        self._opening: tuple[ModelFacts, State] | None = None
        self._before_first_picture = False
        self._before_picture: State | None = None
        self._runs = 0
        self._playing = False
        self._pace = 0.0
        self._busy = False
        self.engine_failure = ""
        """Why there is no engine, where it could not start."""
        self._replay = QTimer(self)
        self._replay.timeout.connect(self._replay_step)
        runner.answered.connect(self._take)
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

    # What the user does

    def open(self, path: str, device: str | None = None) -> None:
        """Open a model, on another device if one is named.

        What is open stays until the new one is ready, and for good if it cannot be opened.
        """
        try:
            facts = inspect(path)
        except ModelError as error:
            self.failed.emit(str(error))
            return
        if self.engine_failure:
            self.failed.emit(self.engine_failure)
            return
        self.pause()
        state = self._first_state(facts).with_changes(device=device or self.state.device)
        self._opening = (facts, state)
        self.progressed.emit("Reading the weights…" if self._ready else "Loading PyTorch…")
        self._runner.submit(Open(ModelRef(facts.path, state.device)))
        self._update_busy()

    def change(self, **changes: Any) -> None:
        """Set fields of the state and show what follows from it."""
        if "device" in changes and self.state.model is not None:
            self.open(self.state.model, changes.pop("device"))
        before = self.state
        self.state = before.with_changes(**changes)
        if self.state == before:
            return
        changed = {name for name in changes if getattr(before, name) != getattr(self.state, name)}
        if "picture" in changed:
            self._before_picture = before
        if "sampler" in changed and (spec := self._samplers.get(self.state.sampler)):
            self.state = self.state.with_changes(steps=min(spec.default_steps, self._max_steps()))
        self.stateChanged.emit()
        if self.state.source == "reverse":
            self._change_in_reverse(changed)
        else:
            self._forget_run(changed)
            self._look(film=bool(changed & {"source", "sample", "noise_seed", "picture"}))

    def set_parameter(self, name: str, value: Any) -> None:
        """Set one parameter of the sampler."""
        self.change(parameters={**self.state.parameters, name: value})

    def set_time(self, t: int) -> None:
        """The slider was dragged to t: any time of a forward view, the nearest recorded step of a run."""
        if self.state.source == "reverse":
            if self.run is not None and self.run.made:
                made = self.run.times[: self.run.made]
                self.set_step(min(range(len(made)), key=lambda i: (abs(made[i] - t), -i)))
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
        if run is None or run.made == 0 or (at_end and run.changed):
            self._set_playing(self._start_run())
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
            self._start_run(until=0)
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
            self._start_run(until=0)

    def redraw_noise(self) -> None:
        """A new seed: of ε in a forward view, of the whole run in a reverse one."""
        seed = random.randrange(10_000)
        if self.state.source == "forward":
            self.change(noise_seed=seed)
        else:
            self.change(sampler_seed=seed)

    def set_pace(self, seconds: float) -> None:
        """The least time between two steps while playing."""
        self._pace = seconds
        self._runner.set_pace(seconds)
        self._replay.setInterval(int(1000 * max(seconds, SMOOTH_PACE)))

    def cancel(self) -> None:
        """Stop whatever goes on."""
        self.pause()

    def close(self) -> None:
        self._replay.stop()
        self._runner.close()

    # Requests

    def _look(self, dragging: bool = False, film: bool = False) -> None:
        if self.facts is None:
            return
        try:
            run = self.run.number if self.run is not None and self.run.made else None
            if self.state.source == "reverse" and run is None:
                return
            self._runner.submit(resolve_look(self.state, self.facts, run), dragging)
            if film and self.state.source == "forward":
                self._ask_for_film()
            if not dragging:
                self._prepare()
        except ChoiceError as error:
            self._end_opening()
            self.failed.emit(str(error))

    def _prepare(self) -> None:
        """Guidance sends each sample through the network twice, as one batch."""
        assert self.state.model is not None
        guided = self.state.label is not None and self.state.guidance_scale not in (0.0, 1.0)
        count = self.state.count * (2 if guided else 1)
        self._runner.submit(Prepare(ModelRef(self.state.model, self.state.device), count))

    def _ask_for_film(self) -> None:
        assert self.facts is not None
        assert self.state.model is not None
        times = tuple(round(i * self.facts.T / (FILM_FRAMES - 1)) for i in range(FILM_FRAMES))
        count = 1 if self.facts.kind == "image" else min(self.state.count, 1000)
        source = Forward(self.state.sample, count, self.state.noise_seed, self.state.picture)
        self._runner.submit(Film(ModelRef(self.state.model, self.state.device), source, times))

    def _start_run(self, until: int | None = None) -> bool:
        """Begin a new run; False where the choices do not allow it."""
        assert self.facts is not None
        self._runs += 1
        try:
            request = resolve_run(self.state, self.facts, self._runs, until=until)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return False
        self.run = RunRecord(self._runs)
        self.state = self.state.with_changes(step=0)
        self.filmCleared.emit()
        self.runChanged.emit()
        self.stateChanged.emit()
        self._runner.submit(request)
        return True

    def _continue_run(self, start: int, until: int | None = None) -> bool:
        assert self.facts is not None
        assert self.run is not None
        try:
            request = resolve_run(self.state, self.facts, self.run.number, start, until)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return False
        self.run.changed = self.run.finished = False
        del self.run.scalars[start + 1 :]
        self.filmDropped.emit(start)
        self._runner.submit(request)
        return True

    def _change_in_reverse(self, changed: set[str]) -> None:
        if "source" in changed:
            self.pause()
            self._start_run(until=0)
        elif changed & NEEDS_NEW_RUN:
            playing = self._playing
            self.pause()
            started = self._start_run(until=None if playing else 0)
            self._set_playing(playing and started)
        elif changed & LIVE and self.run is not None:
            self.run.changed = True
            if self._playing and not self._replay.isActive():
                self._continue_run(self.run.made - 1)
            elif self.state.step == 0 and not self._playing:
                self._start_run(until=0)
            elif changed & {"label", "guidance_scale"} and not self._playing:
                # What is on show was said under another condition: ask again, and go on from here.
                self._continue_run(self.state.step, until=self.state.step)
        elif "lenses" in changed or "step" in changed:
            self._look()

    def _forget_run(self, changed: set[str]) -> None:
        if "source" in changed:
            self.pause()
            self.run = None
            self.filmCleared.emit()
            self.runChanged.emit()

    # Answers

    def _take(self, answer: Answer, newest: bool) -> None:
        frame = answer.frame
        if isinstance(frame, Ready):
            self._ready = frame
            self._samplers = {sampler.name: sampler for sampler in frame.samplers}
            self.engineReady.emit(frame)
            if self._opening is not None:
                self.progressed.emit("Reading the weights…")
        elif isinstance(frame, Progress):
            self.progressed.emit(frame.message)
        elif isinstance(frame, Opened):
            self._take_opened(frame)
        elif isinstance(frame, Seen):
            self._take_seen(frame, newest)
        elif isinstance(frame, FilmStrip):
            self.filmCleared.emit()
            for t, thumbnail in zip(frame.times, frame.thumbnails, strict=True):
                self.filmFrame.emit(t, t, thumbnail)
        elif isinstance(frame, Failed):
            self._take_failure(frame)
        if answer.last and self._playing and not self._runner.running and not self._replay.isActive():
            self._set_playing(False)
        self._update_busy()

    def _take_opened(self, frame: Opened) -> None:
        assert self._opening is not None
        _, self.state = self._opening
        self._opening = None
        self.facts = frame.facts
        self.run = None
        self.filmCleared.emit()
        self.opened.emit(frame)
        self.runChanged.emit()
        self.stateChanged.emit()
        self._before_first_picture = True
        self.progressed.emit("Computing the first picture…")
        self._look(film=True)

    def _end_opening(self) -> None:
        """The first picture is there, or will not be: the status line is free for what the format warns of."""
        if self._before_first_picture and self.facts is not None:
            self._before_first_picture = False
            self.progressed.emit(self.facts.warnings[0] if self.facts.warnings else "")

    def _take_seen(self, frame: Seen, newest: bool) -> None:
        self._end_opening()
        run = self.run
        if frame.run is not None and run is not None and frame.run == run.number and not frame.replayed:
            del run.scalars[frame.step :]
            run.scalars.append(frame.scalars)
            run.times, run.finished = frame.times, frame.finished
            if frame.thumbnail is not None:
                self.filmFrame.emit(frame.step, frame.t, frame.thumbnail)
            self._show_step(frame.step, announce=newest)
            if newest:
                self.runChanged.emit()
        if newest:
            self.seen.emit(frame)

    def _take_failure(self, frame: Failed) -> None:
        if frame.during == "start":
            self.engine_failure = frame.message
        if frame.during in ("start", "open"):
            self._opening = None
            self.progressed.emit("")
        if frame.during == "run":
            self._set_playing(False)
        if frame.during == "look":
            self._end_opening()
            self._drop_bad_picture()
        if self.facts is not None:
            self.stateChanged.emit()
        self.failed.emit(frame.message)

    def _drop_bad_picture(self) -> None:
        """Where the user's picture cannot be shown, go on with what was x₀ before it."""
        if self.state.picture is None:
            return
        before, self._before_picture = self._before_picture, None
        picture, count = (before.picture, before.count) if before is not None else (None, self.state.count)
        self.state = self.state.with_changes(picture=picture, count=count)
        self._look(film=True)

    # Helpers

    def _first_state(self, facts: ModelFacts) -> State:
        """Sensible first choices for a model; what the user chose for the same model before is kept."""
        if self.facts is not None and facts.path == self.facts.path:
            return self.state.with_changes(source="forward", step=0)
        return self.state.with_changes(
            model=facts.path,
            source="forward",
            t=round(0.4 * facts.T),
            sample=0,
            count=1 if facts.kind == "image" else min(DEFAULT_POINTS, max(facts.sample_count, 1)),
            picture=None,
            label=None,
            guidance_scale=2.0 if facts.guidable else 1.0,
            sampler="ddim",
            steps=min(50, facts.T),
            parameters={},
            step=0,
        )

    def _max_steps(self) -> int:
        return self.facts.T if self.facts is not None else 1000

    def _show_step(self, step: int, announce: bool = True) -> None:
        assert self.run is not None
        t = self.run.times[step]
        self.state = self.state.with_changes(step=step, t=t)
        if announce:
            self.stateChanged.emit()

    def _play_recorded(self) -> None:
        self._replay.start(int(1000 * max(self._pace, SMOOTH_PACE)))
        self._update_busy()

    def _replay_step(self) -> None:
        run = self.run
        if run is None:
            self.pause()
        elif self.state.step + 1 < run.made and not run.changed:
            self._show_step(self.state.step + 1)
            self._look(dragging=True)
        elif run.finished and not run.changed:
            self.pause()
        else:
            self._replay.stop()
            self._set_playing(self._continue_run(self.state.step))

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


def is_picture(path: str) -> bool:
    """True for a file that is to be looked at rather than opened as a model."""
    return Path(path).suffix.lower() in {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
