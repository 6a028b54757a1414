"""Questions about files, answered in threads of their own: a file may be large, or lie far away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from explorer.facts import ModelError

A = TypeVar("A")
PATIENCE = 5.0
"""Seconds that the program's end waits for an answer that nobody will hear."""


@dataclass(frozen=True)
class _Asked:
    """What to do with the answer, and where it went wrong. quiet: nobody waits for it."""

    number: int
    answered: Callable[[Any], None]
    failed: Callable[[str], None]
    quiet: bool


class Inquiry(QObject):
    """Of questions for one purpose the newest alone is answered, in the GUI's thread."""

    busyChanged = Signal()
    _told = Signal(str, int, object, str)
    """purpose, number, answer, what went wrong"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asked: dict[str, _Asked] = {}
        self._threads: list[threading.Thread] = []
        self._count = 0
        self._closed = False
        self._told.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """True while an answer is waited for."""
        return any(not asked.quiet for asked in self._asked.values())

    def asked(self, purpose: str) -> bool:
        """True while a question for a purpose is not answered."""
        return purpose in self._asked

    def ask(
        self,
        purpose: str,
        question: Callable[[], A],
        answered: Callable[[A], None],
        failed: Callable[[str], None],
        quiet: bool = False,
    ) -> None:
        """question: run in a thread; may raise ModelError, whose sentence `failed` is told. quiet: nobody waits."""
        if self._closed:
            return
        self._count += 1
        self._asked[purpose] = _Asked(self._count, answered, failed, quiet)
        thread = threading.Thread(
            target=self._run, args=(purpose, self._count, question), name=f"inquiry: {purpose}", daemon=True
        )
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()
        self.busyChanged.emit()

    def cancel(self, purpose: str) -> bool:
        """No longer wait for the answer. True where one was waited for."""
        waited = self._asked.pop(purpose, None) is not None
        self.busyChanged.emit()
        return waited

    def close(self) -> None:
        """No answer arrives afterwards."""
        self._closed = True
        self._asked.clear()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self, purpose: str, number: int, question: Callable[[], Any]) -> None:
        """In a thread."""
        answer, problem = None, ""
        try:
            answer = question()
        except ModelError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 — nobody but the user can be told
            problem = f"Something went wrong that should not have: {type(error).__name__}: {error}."
        if not self._closed:
            self._told.emit(purpose, number, answer, problem)

    def _take(self, purpose: str, number: int, answer: Any, problem: str) -> None:
        asked = self._asked.get(purpose)
        if self._closed or asked is None or asked.number != number:
            return  # another question came, or nobody waits
        del self._asked[purpose]
        if problem:
            asked.failed(problem)
        else:
            asked.answered(answer)
        self.busyChanged.emit()
