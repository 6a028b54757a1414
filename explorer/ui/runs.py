"""The runs of a session as far as the window must know them, and which began as which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from explorer.lenses.drawable import Floats
from explorer.state import State

MAX_RUNS = 8
"""Lanes of the tree; beyond that the oldest run is forgotten. The engine keeps more."""

VIEW_FIELDS = (
    "model",
    "device",
    "source",
    "t",
    "sample",
    "noise_seed",
    "picture",
    "lenses",
    "step",
    "by_hand",
    "partner",
)
"""What of a State is no choice of a run."""

NAMES = {"sampler_seed": "seed", "guidance_scale": "γ", "count": "samples", "parameters": ""}

PARAMETERS = {"eta": "η", "clip": "clip x̂₀"}
"""Of the samplers, where the window has another name for them than files."""


@dataclass
class RunRecord:
    """times: the plan. scalars, thumbnails: of the steps made. changed: choices differ from those it was made with.

    choices: those it was made with. parent: the run and step it branched off; edited: with another x_t there.
    """

    number: int
    choices: State = field(default_factory=State)
    times: tuple[int, ...] = ()
    scalars: list[Mapping[str, float]] = field(default_factory=list)
    begun: bool = False
    """The engine knows it."""
    finished: bool = False
    changed: bool = False
    dismissed: bool = False
    """To be forgotten as soon as another is on show."""
    parent: tuple[int, int] | None = None
    edited: Any = None
    edit_name: str = ""
    thumbnails: dict[int, tuple[int, Floats]] = field(default_factory=dict)
    """By step: t and x_t, for the filmstrip."""

    @property
    def made(self) -> int:
        """How many steps are recorded."""
        return len(self.scalars)

    @property
    def first_own(self) -> int:
        """The first step that is not its parent's."""
        return 0 if self.parent is None else self.parent[1]

    @property
    def waits(self) -> bool:
        """A branch without a step of its own, later than x_T, at which nothing was done to x_t."""
        return self.parent is not None and 0 < self.first_own == self.made - 1 and self.edited is None

    def drop_after(self, step: int) -> None:
        """Forget later steps: they are about to be made anew."""
        self.changed = self.finished = False
        del self.scalars[step + 1 :]
        self.thumbnails = {index: thumbnail for index, thumbnail in self.thumbnails.items() if index <= step}

    def fork(self, number: int, step: int, choices: State) -> RunRecord:
        """A run that begins as this one did up to a step."""
        child = RunRecord(number, choices, self.times, list(self.scalars), parent=(self.number, step))
        child.thumbnails = self.thumbnails
        child.drop_after(step)
        return child

    def step_at(self, t: int) -> int:
        """The recorded step whose time is nearest; the last of several."""
        return min(range(self.made), key=lambda i: (abs(self.times[i] - t), -i))


class Family:
    """The runs that are kept, in the order they were begun."""

    def __init__(self) -> None:
        self._runs: dict[int, RunRecord] = {}

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, number: int | None) -> RunRecord | None:
        return None if number is None else self._runs.get(number)

    def add(self, run: RunRecord, needed: int | None = None) -> None:
        """Where there are too many, the oldest goes, but not what it branched off, nor the one that is `needed`."""
        self._runs[run.number] = run
        kept = {run.number, needed} | ({run.parent[0]} if run.parent is not None else set())
        old = [number for number in self._runs if number not in kept]
        for number in old[: max(len(self._runs) - MAX_RUNS, 0)]:
            del self._runs[number]

    def source(self, run: RunRecord) -> RunRecord:
        """Where the engine finds the steps of a run: in itself, or before it has begun in what it branches off."""
        while not run.begun and run.parent is not None and run.parent[0] in self._runs:
            run = self._runs[run.parent[0]]
        return run

    def worth_keeping(self, run: RunRecord, compared: int | None) -> bool:
        """True for what playing from x_T does not make again, or what another run on show needs."""
        branch = run.parent is not None and (run.edited is not None or run.made - 1 > run.first_own)
        needed = any(other.parent is not None and other.parent[0] == run.number for other in self)
        return branch or needed or run.number == compared

    def forget(self, number: int) -> None:
        self._runs.pop(number, None)

    def clear(self) -> None:
        self._runs.clear()


def differences(one: State, other: State) -> list[str]:
    """What `other` chose differently, e.g. ["sampler ddim → ddpm", "seed 0 → 5"]."""
    found = []
    for name in (f.name for f in fields(State) if f.name not in VIEW_FIELDS):
        a, b = getattr(one, name), getattr(other, name)
        if name == "parameters":
            keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
            found += [
                f"{PARAMETERS.get(key, key.replace('_', ' '))} {_say(a.get(key))} → {_say(b.get(key))}" for key in keys
            ]
        elif a != b:
            a, b = ("none" if name == "label" and value is None else value for value in (a, b))
            found.append(f"{NAMES.get(name, name.replace('_', ' '))} {_say(a)} → {_say(b)}")
    return found


def _say(value: Any) -> str:
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
