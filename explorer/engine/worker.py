"""The engine in one thread: which request is answered next; and a second thread for the autosave.

Jobs are generators advanced a step at a time. A newer look replaces an older one; a look goes ahead of a
running sampler between two of its steps, both of them go ahead of a grid of runs, and all three of a
measurement; opening a model ends the run. An autosave waits for nobody: a step of a large network can take minutes,
and what was chosen meanwhile is not to be lost. It only reads.
Every frame carries its job's number, so the receiver can drop what it no longer wants. Exceptions become
Failed frames. No Qt here: the window and the tests give a function that takes the frames.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.engine.frame import Drawn, During, Failed, Frame, Progress, Seen
from explorer.request import (
    Autosave,
    Bound,
    Draft,
    Film,
    Forms,
    Grid,
    Keep,
    LatentBound,
    Look,
    MeasureContinuous,
    MeasureForms,
    Open,
    OpenSession,
    Prepare,
    Probe,
    Request,
    Run,
    Save,
    SaveSession,
    ScoreMatching,
    Tabulate,
    Train,
)

if TYPE_CHECKING:
    from explorer.engine.engine import Engine

LANES: tuple[During, ...] = (
    "open",
    "schedule",
    "look",
    "film",
    "save",
    "run",
    "grid",
    "scores",
    "forms",
    "probe",
    "bound",
    "measure",
    "train",
    "prepare",
)
"""In order of precedence. Each lane holds one job: a newer one replaces it."""


_LANE_OF: dict[type[Request], During] = {
    Open: "open",
    OpenSession: "open",
    Tabulate: "schedule",
    Look: "look",
    Film: "film",
    Run: "run",
    Grid: "grid",
    ScoreMatching: "scores",
    Bound: "bound",
    LatentBound: "bound",
    Forms: "forms",
    MeasureForms: "measure",
    MeasureContinuous: "measure",
    Probe: "probe",
    Prepare: "prepare",
    Draft: "train",
    Train: "train",
    Keep: "save",
    Save: "save",
    SaveSession: "save",
    Autosave: "keep",
}


def lane(request: Request) -> During:
    """The lane of a request."""
    return _LANE_OF[type(request)]


@dataclass(eq=False)
class _Job:
    number: int
    request: Request
    frames: Iterator[Frame] | None = None
    dropped: bool = False
    """Nobody wants it any more; what it has begun is to be tidied up."""

    def tidy_up(self) -> None:
        """End the frames where they are: half a file, for one, is deleted. In the worker's thread: it may take long."""
        if isinstance(self.frames, Generator):
            with suppress(Exception):  # there is nobody left to tell
                self.frames.close()


@dataclass(frozen=True, eq=False)
class Answer:
    """A frame of a job, None where it ended without one. last: the job ends with it. Job 0 is the engine's start."""

    job: int
    frame: Frame | None
    last: bool


class Worker:
    """Owns the thread that owns the engine. deliver(answer) is called in that thread."""

    def __init__(self, deliver: Callable[[Answer], None], make_engine: Callable[[], Engine] | None = None) -> None:
        self._deliver = deliver
        self._make_engine = make_engine or _make_engine
        self._condition = threading.Condition()
        self._jobs: dict[During, _Job] = {}
        self._dropped: list[_Job] = []
        self._numbers = 0
        self._opened = 0
        self._closing = False
        self._pace = 0.0
        self._not_before = 0.0
        self._engine: Engine | None = None
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="autosave", daemon=True)

    def start(self) -> None:
        """Start the thread; the engine (and torch) are imported in it."""
        self._thread.start()
        self._keeper.start()

    def submit(self, request: Request) -> int:
        """Queue a request in its lane, in place of what is there; returns the job's number.

        Opening a model drops everything that was asked of the one before.
        """
        with self._condition:
            self._numbers += 1
            if lane(request) == "open":
                self._drop(*self._jobs)
                self._opened = self._numbers
            self._drop(lane(request))
            self._jobs[lane(request)] = _Job(self._numbers, request)
            if isinstance(request, Run):
                self._not_before = 0.0
            self._condition.notify_all()
            return self._numbers

    def cancel(self, which: During) -> None:
        """Drop the job of a lane; a run ends after the step it is at."""
        with self._condition:
            self._drop(which)
            self._condition.notify_all()

    def set_pace(self, seconds: float) -> None:
        """The least time between two steps of a run."""
        with self._condition:
            self._pace = seconds
            self._not_before = 0.0
            self._condition.notify_all()

    def close(self) -> None:
        """Drop everything and wait for the thread to end."""
        with self._condition:
            self._closing = True
            self._drop(*self._jobs)
            self._condition.notify_all()
        for thread in (self._thread, self._keeper):
            if thread.is_alive():
                thread.join()

    def _work(self) -> None:
        try:
            engine = self._make_engine()
        except Exception as error:  # noqa: BLE001 — a broken torch installation ends here, in a sentence
            self._deliver(Answer(0, Failed(f"The engine could not start: {error}.", "start"), True))
            return
        self._deliver(Answer(0, engine.ready(), True))
        with self._condition:
            self._engine = engine
            self._condition.notify_all()
        while (job := self._next()) is not None:
            if job.dropped:
                job.tidy_up()
            else:
                self._advance(engine, job)
        for job in self._dropped:
            job.tidy_up()

    def _keep(self) -> None:
        """The autosaves, one after another, whatever else goes on."""
        while True:
            with self._condition:
                while not self._closing and (self._engine is None or "keep" not in self._jobs):
                    self._condition.wait()
                if self._closing or self._engine is None:
                    return
                job, engine = self._jobs.pop("keep"), self._engine
            try:
                frame = next(engine.answer(job.request), None)
            except Exception as error:  # noqa: BLE001 — as of any other job
                frame = _failed(error, "keep")
            if not self._closing:
                self._deliver(Answer(job.number, frame, True))

    def _drop(self, *lanes: During) -> None:
        """Take what is in these lanes out of them. The lock is held."""
        for name in lanes:
            job = self._jobs.pop(name, None)
            if job is not None and job.frames is not None:
                job.dropped = True
                self._dropped.append(job)

    def _next(self) -> _Job | None:
        """The job to advance; waits for one. None when closing."""
        with self._condition:
            while not self._closing:
                if self._dropped:
                    return self._dropped.pop()
                waiting = max(self._not_before - time.monotonic(), 0.0) if "run" in self._jobs else 0.0
                # While a run keeps its pace there is time for measurements.
                late = ("run", "prepare") if waiting else ()
                ready = (name for name in LANES if name in self._jobs and name not in late)
                if (name := next(ready, None)) is not None:
                    return self._jobs[name]
                self._condition.wait(waiting or None)
            return None

    def _advance(self, engine: Engine, job: _Job) -> None:
        begin = time.monotonic()
        name = lane(job.request)
        try:
            if job.frames is None:
                job.frames = engine.answer(job.request)
            frame = next(job.frames, None)
        except Exception as error:  # noqa: BLE001 — whatever a model does wrong, the window goes on
            frame = _failed(error, name)
        one_answer = name in ("look", "film", "schedule") and not isinstance(frame, Progress | Drawn)
        if isinstance(frame, Seen) and frame.more:
            one_answer = False
        last = frame is None or isinstance(frame, Failed) or one_answer
        with self._condition:
            current = self._jobs.get(name)
            if last and current is job:
                del self._jobs[name]
            if name == "run":
                self._not_before = begin + self._pace
            # While a slider is dragged every look is replaced before it is done: its picture is still the newest
            # there is. All other lanes drop what was replaced, and opening a model drops everything before it.
            dropped = self._closing or (current is not job and (name != "look" or job.number < self._opened))
        if not dropped:
            self._deliver(Answer(job.number, frame, last))


def _failed(error: Exception, name: During) -> Failed:
    from explorer.engine.errors import sentence  # needs torch, which is loaded by now

    return Failed(sentence(error), name)


def _make_engine() -> Engine:
    engine: Engine = importlib.import_module("explorer.engine.engine").Engine()
    return engine
