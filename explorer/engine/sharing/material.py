"""What there is to write: a run with everything that was seen of it, or one look."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from explorer.diffusion.samplers import Step
from explorer.engine.chain_runs import ChainRun
from explorer.engine.frame import Drawn, Frame, Progress, Seen
from explorer.engine.guided import guided
from explorer.engine.meter import Meter
from explorer.engine.runs import step_of
from explorer.engine.trajectory import Trajectory
from explorer.formats.model import LatentModel, Model
from explorer.request import Forward, Look, Replay, Run

Answers = Callable[[Look], Iterator[Frame]]
Saving = Iterator[Frame]
"""Progress on the way, so that looks and a cancel can come between."""


class Recorded(Protocol):
    """A run, of whichever family of models."""

    @property
    def made(self) -> int: ...

    @property
    def request(self) -> Run: ...


R = TypeVar("R", bound=Recorded)
M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class Shown(Generic[M, R]):
    """look: what is on show. recorded: the run it is a step of, None for a forward view. answer: asks the engine."""

    model: M
    look: Look
    recorded: R | None
    answer: Answers

    def run(self) -> R:
        """The run. Raises ValueError, one sentence, for a forward view."""
        if self.recorded is None:
            raise ValueError("that takes a run: choose the source Reverse and play first")
        return self.recorded

    def chosen(self, at_most: int) -> list[int]:
        """Indices of steps, evenly over the run, its ends among them."""
        made = self.run().made
        if made <= at_most:
            return list(range(made))
        return sorted({round(i * (made - 1) / (at_most - 1)) for i in range(at_most)})

    def seen(self, index: int | None = None) -> Generator[Frame, None, Seen]:
        """What the lenses draw at a step of the run; None for what is on show."""
        source: Forward | Replay = self.look.source
        if index is not None:
            source = Replay(self.run().request.run, index)
        shown: Seen | None = None
        for frame in self.answer(replace(self.look, source=source)):
            if isinstance(frame, Seen):
                shown = frame
            elif isinstance(frame, Drawn) and shown is not None:
                shown = replace(shown, tiles={**shown.tiles, **frame.tiles})
            else:
                yield frame
        assert shown is not None, "a look that showed nothing"
        return shown


@dataclass(frozen=True, eq=False)
class Material(Shown[Model, Trajectory]):
    """Of a diffusion model."""

    def step(self, index: int) -> Generator[Frame, None, Step]:
        """A step of the run, made again where it is no longer held."""
        trajectory = self.run()
        step = trajectory.step(index)
        if step is None:
            meter = Meter(guided(self.model, trajectory.segment(index).request.guidance))
            step = yield from step_of(self.model, trajectory, index, meter)
        return step


@dataclass(frozen=True, eq=False)
class ChainMaterial(Shown[LatentModel, ChainRun]):
    """Of a chain of latent variables."""


AnyMaterial: TypeAlias = Shown[Any, Any]
"""For what only shows tiles."""


def progress(done: int, of: int, what: str) -> Progress:
    """The words of the status line."""
    return Progress(f"Saving {what}: {done} of {of}…", done / max(of, 1))
