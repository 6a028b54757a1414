"""What a probe answers. Frozen, picklable, plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Certainty: TypeAlias = Literal["agrees", "contradicts", "unclear"]


@dataclass(frozen=True)
class Probing:
    """How far a probe is. fraction: 0 … 1."""

    fraction: float
    doing: str


@dataclass(frozen=True)
class ProbeRow:
    """One hypothesis and how well it explains known pictures.

    residual: the error of x̂₀ over that of the best linear guess, its geometric mean over noise levels and pictures.
    error: the standard error of log(residual / that of the best). in_force: what the facts say. best: the least.
    """

    prediction: str
    value_range: str
    schedule: str
    time: str
    residual: float
    behind: float
    """log(residual / that of the best), paired over the same pictures and noise."""
    error: float
    in_force: bool
    best: bool


@dataclass(frozen=True)
class ProbeChoice:
    """One value of a finer question, the rest being as in the best row. Columns as those of ProbeRow."""

    key: str
    """“time_offset” or “weights”."""
    text: str
    behind: float
    error: float
    in_force: bool
    best: bool


@dataclass(frozen=True)
class Verdict:
    """What the probe says of one fact.

    key: its name among the facts that can be set. name: what the evidence calls it. said, found: in words. value: what
    to set, as a card has it, None where nothing is to be changed. sigma: how many standard errors lie between the two.
    """

    key: str
    name: str
    certainty: Certainty
    said: str
    found: str
    sentence: str
    value: Any = None
    sigma: float = 0.0


@dataclass(frozen=True)
class Probed:
    """A probe's result. sentence: all of it in words. pictures: what was noised. note: what no probe can tell."""

    rows: tuple[ProbeRow, ...]
    verdicts: tuple[Verdict, ...]
    sentence: str
    pictures: str
    calls: int
    choices: tuple[ProbeChoice, ...] = ()
    note: str = ""

    @property
    def contradictions(self) -> tuple[Verdict, ...]:
        """Where the network and the facts disagree."""
        return tuple(verdict for verdict in self.verdicts if verdict.certainty == "contradicts")

    @property
    def headline(self) -> str:
        """One sentence about the contradictions, "" without any."""
        wrong = self.contradictions
        if len(wrong) < 2:
            return wrong[0].sentence if wrong else ""
        parts = "; ".join(f"{verdict.name} {verdict.found}, not {verdict.said}" for verdict in wrong)
        return f"The network contradicts {len(wrong)} facts: {parts}."
