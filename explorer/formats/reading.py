"""How far the reading of weights has come, for whoever watches; and the way to stop it.

Weights are read deep inside a format. What watches is a value of the context, that is of the thread that reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Watch: TypeAlias = Callable[[str, float], None]
"""(label of the file, 0 … 1); what it raises stops the reading."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell `watch` of all that is read within."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def tell(label: str, fraction: float) -> None:
    """Say how much of a file is read."""
    watch = _watch.get()
    if watch is not None:
        watch(label, fraction)
