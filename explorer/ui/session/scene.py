"""What is on show: the State, the model's facts, the run, what stands beside; and the signals that tell of a change."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from explorer.engine.frame import Ready, SamplerSpec
from explorer.facts import ModelFacts
from explorer.lenses.drawable import Floats
from explorer.request import ModelRef
from explorer.state import State
from explorer.ui.runs import Family, RunRecord
from explorer.ui.session.inquiry import Inquiry

COMPARED_LENSES = ("x_t", "x0")
SECOND_LENSES = ("x0", "eps")
"""Of two models: x_t is the same for both."""


class StartingCloud(Protocol):
    """Places for the points of a run."""

    def points(self, n: int, seed: int, dim: int = 2) -> NDArray[np.float32]:
        """n places, (n, 2)."""
        ...


class Scene(QObject):
    """Holds it all and asks for nothing; signals tell the window what to show."""

    stateChanged = Signal()
    engineReady = Signal(object)
    consentWanted = Signal(object, object)
    """ModelFacts, device: the model is a program that nobody has agreed to run."""
    openingBegan = Signal()
    inspected = Signal(object)
    """The facts of the model that is being opened, before its weights are read."""
    readingChanged = Signal(object)
    """How much of the weights is read, 0 … 1; None where nothing is being read."""
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
    saved = Signal(str, str)
    """path, what else there is to know"""
    savingBegan = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = State()
        self.facts: ModelFacts | None = None
        self.ready: Ready | None = None
        """What the engine can do, once it has started."""
        self.engine_failure = ""
        """Why there is no engine, where it could not start."""
        self.failed_at: State | None = None
        """While `failed` tells of a look or a run: what is chosen now, which the next one that works differs from."""
        self.inquiry = Inquiry(self)
        self.opening: State | None = None
        """While a model or a session is being opened: what is chosen once it is open."""
        self.run: RunRecord | None = None
        self.family = Family()
        self.x_t: Floats | None = None
        """Of the step of a run on show, as it is: (n, …)."""
        self.compared: int | None = None
        """The run to show beside the one on show."""
        self.compared_lenses: tuple[str, ...] = COMPARED_LENSES
        self.second: ModelFacts | None = None
        """The model to show beside the open one, asked at the same x_t and t."""
        self.second_own = False
        """In a run: show its own run from the same x_T with the same noise instead."""
        self.second_lenses: tuple[str, ...] = SECOND_LENSES
        self.place: tuple[int, int] | None = None
        """Row and column of the pixel that lenses of one number are about, None for the middle."""
        self.start: StartingCloud | None = None
        """Where the next run starts, in place of the prior."""
        self.advice = ""
        """What to look at in the run on show, for the status line."""
        self._before_first_picture = False
        self._playing = False
        self._busy = False

    # What follows from it

    @property
    def busy(self) -> bool:
        """True while anything asked for is not on show yet, or a run is playing."""
        return self._busy

    @property
    def playing(self) -> bool:
        """True while a run goes on, or over what is recorded of it."""
        return self._playing

    @property
    def by_step(self) -> bool:
        """True where the run stays at each time for several steps, so its statistics go by step."""
        run = self.run
        return run is not None and len(set(run.times)) < len(run.times)

    @property
    def can_branch(self) -> bool:
        """True where a step of a run is on show."""
        return self.state.source == "reverse" and self.run is not None and self.run.made > 0

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

    @property
    def run_number(self) -> int | None:
        """The run in which the engine finds the steps on show; None before there are any."""
        run = self.run
        return self.family.source(run).number if run is not None and run.made else None

    @property
    def reference(self) -> ModelRef:
        """The open model as requests name it."""
        assert self.state.model is not None
        return ModelRef(self.state.model, self.state.device, schedule=self.state.schedule)

    def sampler_values(self) -> dict[str, Any]:
        """The sampler parameters in force that differ from the samplers' own defaults."""
        defaults = self.facts.sampler_defaults if self.facts is not None else {}
        return {**defaults, **self.state.parameters}

    def sampler(self, name: str) -> SamplerSpec | None:
        """A sampler's spec; None where there is none of that name, or the engine has not started."""
        specs = (*self.ready.samplers, *self.ready.chain_samplers) if self.ready is not None else ()
        return next((spec for spec in specs if spec.name == name), None)

    # How it changes

    def set_model(self, facts: ModelFacts) -> None:
        """Another model is open: nothing of the one before is on show."""
        self.opening = None
        self.facts = facts
        self.run = None
        self.family.clear()
        self.compared = self.second = None
        self.x_t = None

    def choose(self, announce: bool = True, **changes: Any) -> None:
        """Set fields of the state, and tell."""
        self.state = self.state.with_changes(**changes)
        if announce:
            self.stateChanged.emit()

    def show_step(self, step: int, announce: bool = True) -> None:
        """Another recorded step of the run, with its time."""
        assert self.run is not None
        self.state = self.state.with_changes(step=step, t=self.run.times[step])
        if announce:
            self.stateChanged.emit()

    def set_playing(self, playing: bool) -> None:
        if playing != self._playing:
            self._playing = playing
            self.playingChanged.emit(playing)

    def set_busy(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self.busyChanged.emit(busy)

    def expect_first_picture(self) -> None:
        """A model has just been opened; the status line says so until its first picture is there."""
        self._before_first_picture = True

    def end_opening(self) -> None:
        """The first picture is there, or will not be: the status line is free for what the format warns of."""
        if self._before_first_picture and self.facts is not None:
            self._before_first_picture = False
            self.say_warnings()

    def say_warnings(self) -> None:
        """Nothing goes on that the status line need tell of."""
        warning = self.facts.warnings[0] if self.facts is not None and self.facts.warnings else ""
        self.progressed.emit(self.advice or warning)

    def show_filmstrip(self) -> None:
        """The thumbnails of the run on show, in place of what the strip held."""
        self.filmCleared.emit()
        if self.run is not None:
            for index, (t, thumbnail) in self.run.thumbnails.items():
                self.filmFrame.emit(index, t, thumbnail)
