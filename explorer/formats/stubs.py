"""What stands for the objects and names of a pickle that are not known here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Stub:
    """An object of a class that is not known here: the class's name, what it was made with, and what was put in it.

    Only the name is shown: the rest may hold itself, or the same things over and over.
    """

    name: str
    arguments: tuple[Any, ...] = field(default=(), repr=False)
    state: Any = field(default=None, repr=False)
    items: dict[Any, Any] = field(default_factory=dict, repr=False)
    elements: list[Any] = field(default_factory=list, repr=False)

    def __call__(self, *arguments: Any, **_: Any) -> Stub:
        return Stub(self.name, arguments)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        self.elements.append(value)

    add = append

    @property
    def attributes(self) -> dict[str, Any]:
        """What the object's own names stand for, as far as the file says it plainly."""
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        found = dict(state) if isinstance(state, dict) else {}
        return {key: value for key, value in (found | self.items).items() if isinstance(key, str)}


@dataclass(frozen=True)
class Name:
    """A class or function that a file names. Calling it makes a Stub."""

    name: str

    def __call__(self, *arguments: Any, **_: Any) -> Stub:
        return Stub(self.name, arguments)
