"""One kind of request that the window asks for, follows and stops."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from explorer.engine.frame import During
from explorer.engine.worker import Answer
from explorer.request import Request
from explorer.ui.runner import Runner


class Job(QObject):
    """At most one request is followed at a time, that begun last.

    It is over with its last answer, by `stop`, and when the runner drops it: because another model opens, or because
    somebody else asked for the same kind of thing.
    """

    answered = Signal(object)
    """A frame of what was begun last."""
    runningChanged = Signal(bool)

    def __init__(self, runner: Runner, lane: During, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner, self._lane = runner, lane
        self._number = 0
        self._running = False
        runner.answered.connect(self._take)
        runner.dropped.connect(self._forget)

    @property
    def running(self) -> bool:
        """True until the last answer is there."""
        return self._running

    def begin(self, request: Request) -> None:
        """Ask for it; what was asked for before is no longer followed."""
        self._number = 0
        self._number = self._runner.submit(request)
        self._announce()

    def stop(self) -> None:
        """End with what is known."""
        if self._number:
            self._runner.cancel(self._lane)

    def _take(self, answer: Answer, _newest: bool) -> None:
        if not self._number or answer.job != self._number:
            return
        self.answered.emit(answer.frame)
        if answer.last:
            self._forget(answer.job)

    def _forget(self, number: int) -> None:
        if number == self._number:
            self._number = 0
            self._announce()

    def _announce(self) -> None:
        if (running := self._number != 0) != self._running:
            self._running = running
            self.runningChanged.emit(running)
