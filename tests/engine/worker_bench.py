"""A worker with an engine that waits to be told and needs no torch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

from explorer.engine.frame import FilmStrip, Frame, Progress, Ready, Saved, Seen
from explorer.engine.likelihood_frame import Bounding
from explorer.engine.worker import Answer, Worker
from explorer.request import (
    Autosave,
    Bound,
    Film,
    Forward,
    Guidance,
    Look,
    ModelRef,
    Open,
    Prepare,
    Request,
    Run,
    ScoreMatching,
)

MODEL = ModelRef("m", "cpu")
PATIENCE = 10.0
"""Seconds after which something that should have happened has not."""
READY = Ready((), (), ("auto", "cpu"))


def look(t: int = 0) -> Look:
    return Look(MODEL, Forward(), t, Guidance(), ())


def run(number: int = 1, steps: int = 3) -> Run:
    return Run(MODEL, number, "ddim", steps, 0, 1, Guidance(), ())


class FakeEngine:
    """Makes a frame each time it is let: one for a look, two for Open, steps + 1 for a run."""

    def __init__(self) -> None:
        self.asked: queue.Queue[tuple[Request, int]] = queue.Queue()
        """What the worker has begun: the request, and which of its frames."""
        self.permits = threading.Semaphore(0)
        self.errors: dict[type, Exception] = {}
        self.threads: set[int] = set()

    def ready(self) -> Ready:
        return READY

    def answer(self, request: Request) -> Iterator[Frame]:
        for i, frame in enumerate(self._frames(request)):
            self.threads.add(threading.get_ident())
            self.asked.put((request, i))
            assert self.permits.acquire(timeout=PATIENCE)
            if type(request) in self.errors:
                raise self.errors[type(request)]
            yield frame

    def _frames(self, request: Request) -> list[Frame]:
        if isinstance(request, Open):
            return [Progress("reading"), Progress("read")]
        if isinstance(request, Look):
            return [Seen(request.t, {}, 1.0, 0.0)]
        if isinstance(request, Film):
            return [FilmStrip(request.times, ())]
        if isinstance(request, Bound | ScoreMatching):
            return [Bounding(i / 3, "") for i in range(3)]
        if isinstance(request, Autosave):
            return [Saved(request.path)]
        if isinstance(request, Prepare):
            return []
        assert isinstance(request, Run)
        return [Seen(0, {}, 1.0, 0.0, run=request.run, step=i) for i in range(request.steps + 1)]


class Bench:
    """A worker with a fake engine, and what it delivered."""

    def __init__(self, make_engine: Callable[[], Any] | None = None) -> None:
        self.engine = FakeEngine()
        self.answers: queue.Queue[Answer] = queue.Queue()
        self.worker = Worker(self.answers.put, cast(Any, make_engine or (lambda: self.engine)))

    def begun(self) -> tuple[Request, int]:
        """Waits for the engine to begin another frame."""
        return self.engine.asked.get(timeout=PATIENCE)

    def let(self, frames: int = 1) -> None:
        """Let the engine finish as many frames."""
        self.engine.permits.release(frames)

    def next(self) -> Answer:
        return self.answers.get(timeout=PATIENCE)

    def nothing_more(self, seconds: float = 0.05) -> bool:
        try:
            self.answers.get(timeout=seconds)
        except queue.Empty:
            return True
        return False
