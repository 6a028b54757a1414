"""A run as far as the window must know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from explorer.state import State


@dataclass
class RunRecord:
    """The run on show, as far as the window must know it. changed: choices differ from those it was made with."""

    number: int
    times: tuple[int, ...] = ()
    scalars: list[Mapping[str, float]] = field(default_factory=list)
    finished: bool = False
    changed: bool = False
    choices: State = field(default_factory=State)
    """Those it was begun with."""

    @property
    def made(self) -> int:
        """How many steps are recorded."""
        return len(self.scalars)
