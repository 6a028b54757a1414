"""When a long piece of work lets others have their turn: looks go ahead of it between two of its steps."""

from __future__ import annotations

import time

TURN_SECONDS = 0.02
"""After so much work others get theirs."""


class Turn:
    """A turn of work, which begins when it is made and anew each time it is over."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def over(self) -> bool:
        """True where others have waited long enough; a new turn then begins with the work that follows."""
        now = time.monotonic()
        if now - self._began < TURN_SECONDS:
            return False
        self._began = now
        return True
