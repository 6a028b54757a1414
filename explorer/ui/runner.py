"""The bridge between the engine's thread and the window: all concurrency of the program ends here.

Frames are put in a mailbox from which the window takes them when it is ready to draw: of several pictures of
the same kind that wait there, only the newest is drawn, so a fast run can never flood a slow screen.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from explorer.engine.frame import During, Failed, Seen
from explorer.engine.worker import Answer, Worker, lane
from explorer.request import Look, Open, OpenSession, Request, Run

if TYPE_CHECKING:
    from explorer.engine.engine import Engine


TURN = 0.001
"""Seconds after which one thread gives the interpreter to another: Python's own 5 ms are a third of a picture."""


class Runner(QObject):
    """Submits requests and hands their answers to the GUI thread.

    answered(answer, newest): newest is False where a later picture of the same job waits already, so this one
    need not be drawn.
    """

    answered = Signal(object, bool)
    busyChanged = Signal(bool)
    dropped = Signal(int)
    """The number of a job of which nothing more comes: it was replaced or cancelled, or another model opens."""
    _mail = Signal()

    def __init__(self, parent: QObject | None = None, make_engine: Callable[[], Engine] | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._mailbox: list[Answer] = []
        self._posted = False
        self._closed = False
        self._no_engine: Failed | None = None
        self._jobs: dict[During, int] = {}
        self._oldest_look = 0
        self._busy = False
        self._worker = Worker(self._deliver, make_engine)
        self._mail.connect(self._read_mail, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """True while a request is being answered."""
        return self._busy

    @property
    def running(self) -> bool:
        """True while a sampler runs."""
        return "run" in self._jobs

    def doing(self, which: During) -> bool:
        """True while the job of a lane is not answered."""
        return which in self._jobs

    def start(self) -> None:
        """Start the engine's thread."""
        sys.setswitchinterval(TURN)
        self._worker.start()

    def submit(self, request: Request, dragging: bool = False) -> int:
        """Ask; a newer request of the same kind replaces an older one. Returns the job's number.

        dragging: answers to the looks before this one are still welcome, as steps on the way.
        Where the engine could not start, the answer is Failed with that reason.
        """
        job = self._worker.submit(request)
        self._drop(*(self._jobs if lane(request) == "open" else (lane(request),)))
        if isinstance(request, Open | OpenSession | Run):
            self._oldest_look = job + 1  # what they replace, and a run's own frames, are no steps of a drag
        elif isinstance(request, Look) and not dragging:
            self._oldest_look = job
        self._jobs[lane(request)] = job
        if self._no_engine is not None:
            self._deliver(Answer(job, Failed(self._no_engine.message, lane(request)), True))
        self._update_busy()
        return job

    def cancel_run(self) -> None:
        """End the run; frames of it that are still under way are dropped."""
        self.cancel("run")

    def cancel(self, which: During) -> None:
        """End the job of a lane; frames of it that are still under way are dropped."""
        self._worker.cancel(which)
        self._drop(which)
        self._update_busy()

    def cancel_opening(self) -> None:
        """No longer wait for the model that is being opened."""
        self.cancel("open")

    def set_pace(self, seconds: float) -> None:
        """The least time between two steps of a run."""
        self._worker.set_pace(seconds)

    def close(self) -> None:
        """Cancel everything and join the thread. No answer arrives afterwards."""
        self._closed = True
        self._worker.close()
        self._jobs.clear()
        self._update_busy()

    def _deliver(self, answer: Answer) -> None:
        """In the engine's thread, but for what is refused."""
        with self._lock:
            self._mailbox.append(answer)
            if self._posted:
                return
            self._posted = True
        if not self._closed:
            self._mail.emit()

    def _read_mail(self) -> None:
        with self._lock:
            answers, self._mailbox, self._posted = self._mailbox, [], False
        if self._closed:
            return
        newest = {answer.job: answer for answer in answers if isinstance(answer.frame, Seen)}
        for answer in answers:
            name = next((name for name, job in self._jobs.items() if job == answer.job), None)
            if name is None and answer.job != 0 and not self._on_the_way(answer):
                continue  # replaced or cancelled while it was under way
            if answer.last and name is not None:
                del self._jobs[name]
            if isinstance(answer.frame, Failed) and answer.frame.during == "start":
                self._no_engine = answer.frame
                self._drop(*self._jobs)  # nobody is there to answer them
            self.answered.emit(answer, newest.get(answer.job, answer) is answer)
        self._update_busy()

    def _drop(self, *lanes: During) -> None:
        for number in [self._jobs.pop(name) for name in lanes if name in self._jobs]:
            self.dropped.emit(number)

    def _on_the_way(self, answer: Answer) -> bool:
        """True for the answer to an earlier look of the drag that is going on."""
        latest = self._jobs.get("look")
        return latest is not None and self._oldest_look <= answer.job < latest and isinstance(answer.frame, Seen)

    def _update_busy(self) -> None:
        busy = any(name not in ("prepare", "keep", "train") for name in self._jobs)  # which change nothing on show
        if busy != self._busy:
            self._busy = busy
            self.busyChanged.emit(busy)
