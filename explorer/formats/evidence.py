"""The facts of a model as they are found, each with its source, and the warnings met on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from explorer.facts import Fact, Source

V = TypeVar("V")


@dataclass(frozen=True)
class Candidate(Generic[V]):
    """A value that one source gives for a fact; None where that source says nothing."""

    value: V | None
    source: Source
    where: str = ""


@dataclass
class Evidence:
    """What has been found so far, in order."""

    facts: list[Fact] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, name: str, value: object, source: Source, where: str = "") -> None:
        """A fact and whose word it is; where: the file or the key that says so."""
        self.facts.append(Fact(name, str(value), source, where))

    def warn(self, message: str) -> None:
        """message: one plain sentence."""
        self.warnings.append(message)

    def choose(
        self, name: str, *candidates: Candidate[V], default: V, show: Callable[[V], str] = str, where: str = ""
    ) -> V:
        """The value of the first candidate that has one, else the default (with `where`); recorded as a fact."""
        for candidate in candidates:
            if candidate.value is not None:
                self.add(name, show(candidate.value), candidate.source, candidate.where)
                return candidate.value
        self.add(name, show(default), "default", where)
        return default
