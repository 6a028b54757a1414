"""A model read in a thread of its own, so that progress can be told and the reading be stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from explorer.engine.frame import Frame, Progress
from explorer.formats.reading import watched

R = TypeVar("R")
STEP = 0.02
"""Of a file, between two words of progress."""


class _StoppedError(Exception):
    """Nobody waits for the model any more."""


class _Reader(threading.Thread, Generic[R]):
    def __init__(self, read: Callable[[], R]) -> None:
        super().__init__(name="reading", daemon=True)
        self._read = read
        self.told: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self.stop = threading.Event()
        self.results: list[R] = []
        self.error: BaseException | None = None
        self._last = ("", -1.0)

    def run(self) -> None:
        try:
            with watched(self._watch):
                self.results.append(self._read())
        except _StoppedError:
            pass  # not kept: with it would be all that was read so far
        except BaseException as error:  # noqa: BLE001 — raised again where the model is waited for
            self.error = error
        self.told.put(None)

    def _watch(self, label: str, fraction: float) -> None:
        if self.stop.is_set():
            raise _StoppedError
        name, told = self._last
        if name != label or fraction >= told + STEP:
            self._last = (label, fraction)
            self.told.put(Progress(f"Reading {label}…", fraction))


def in_background(read: Callable[[], R]) -> Generator[Frame, None, R]:
    """What `read` returns, with Progress until then. Closing the generator stops the reading at its next tensor.

    Raises what `read` raises.
    """
    reader = _Reader(read)
    reader.start()
    try:
        while (progress := reader.told.get()) is not None:
            yield progress
    finally:
        reader.stop.set()
        reader.join()
    if reader.error is not None:
        raise reader.error
    return reader.results[0]
