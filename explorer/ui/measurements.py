"""Measurements of the open model: asked for, followed, stopped; dropped when another model opens."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal

from explorer.engine.frame import Frame
from explorer.engine.likelihood_frame import Bounded, Bounding, ScoresMatched
from explorer.engine.worker import Answer
from explorer.state import ChoiceError, resolve_bound, resolve_matching
from explorer.ui.job import Job
from explorer.ui.runner import Runner
from explorer.ui.session import Session

FOLLOW_MS = 60
"""While the slider is dragged scores are compared at most this often."""


class Measurements(QObject):
    """Turns choices into requests as the Session does, which keeps to what is on show."""

    bounded = Signal(object)
    """A Bounded."""
    progressed = Signal(float, str)
    """0 … 1, and what is being done."""
    matched = Signal(object)
    """A ScoresMatched, None where there is none."""
    dropped = Signal()
    """What was found was of another model, or of another schedule."""

    def __init__(self, runner: Runner, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._session = session
        self.job = Job(runner, "bound", self)
        """The bound."""
        self.job.answered.connect(self._take_bound)
        self._scores = 0
        self._following = False
        self._schedule = session.state.schedule
        self._timer = QTimer(self, singleShot=True, interval=FOLLOW_MS)
        self._timer.timeout.connect(self._match)
        runner.answered.connect(self._take)
        session.opened.connect(lambda _: self._drop())
        session.stateChanged.connect(self._follow_state)

    def compute(self, samples: int, variance: Literal["beta_tilde", "beta"], ode: bool) -> None:
        """Measure the bound of the open model."""
        if self._session.facts is None:
            return
        try:
            request = resolve_bound(self._session.state, self._session.facts, samples, variance, ode)
        except ChoiceError as error:
            self._session.failed.emit(str(error))
            return
        self.job.begin(request)

    def follow(self, on: bool) -> None:
        """Whether scores are compared at the time on show, wherever that goes."""
        self._following = on
        self._follow_state()

    def _follow_state(self) -> None:
        if self._session.state.schedule != self._schedule:
            self._schedule = self._session.state.schedule
            self.job.stop()
            self._drop()
        if self._following and not self._timer.isActive():
            self._timer.start()

    def _match(self) -> None:
        facts = self._session.facts
        if facts is None or not self._following:
            return
        try:
            self._scores = self._runner.submit(resolve_matching(self._session.state, facts))
        except ChoiceError:  # at t = 0, or of a model whose truth is not known
            self._scores = 0
            self._runner.cancel("scores")
            self.matched.emit(None)

    def _take_bound(self, frame: Frame) -> None:
        if isinstance(frame, Bounded):
            self.bounded.emit(frame)
        elif isinstance(frame, Bounding):
            self.progressed.emit(frame.fraction, frame.doing)

    def _take(self, answer: Answer, _newest: bool) -> None:
        if isinstance(answer.frame, ScoresMatched) and answer.job == self._scores:
            self.matched.emit(answer.frame)

    def _drop(self) -> None:
        """The worker has dropped the requests of another model itself."""
        self._scores = 0
        self.dropped.emit()
        if self._following:
            self._timer.start()
