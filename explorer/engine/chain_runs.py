"""Runs down a latent chain: their steps, one for each level and one for the picture, and how they go on."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from explorer.diffusion.latent import Diagonal, LatentChain, mean_decoding
from explorer.engine.frame import ParameterSpec, SamplerSpec
from explorer.engine.runs import KEPT_RUNS
from explorer.facts import ModelError
from explorer.request import Run

NAME = "ancestral"
TEMPERATURE = ParameterSpec(
    "temperature",
    "Temperature",
    "τ in z = μ + τ σ ⊙ ε: 1 draws from the model, less keeps to what is most typical, 0 takes the means",
    1.0,
    0.0,
    2.0,
    (),
)
ANCESTRAL = SamplerSpec(
    NAME,
    "Ancestral, level by level",
    "z_L ~ N(0, I), then z_{t−1} ~ p(z_{t−1} | z_t) down to the mean of p(x | z₁)",
    "Levels",
    1,
    False,
    (TEMPERATURE,),
)


@dataclass(frozen=True, eq=False)
class ChainStep:
    """z: z_t, (n, d); at t = 0 it is z₁ still, and x the mean of p(x | z₁). distribution: what z was drawn from."""

    index: int
    t: int
    z: Tensor
    distribution: Diagonal
    x: Tensor | None = None

    def picture(self, chain: LatentChain) -> Tensor:
        """x, or the mean picture that z_t leads to, (n, *shape)."""
        return self.x if self.x is not None else mean_decoding(chain, self.t, self.z)


@dataclass(frozen=True, eq=False)
class ChainSegment:
    """Steps made by one request, from `start` on. given: z at `start` was not drawn by the steps before it: it was set
    by hand, or drawn with another seed."""

    request: Run
    start: int
    given: bool = False


@dataclass(eq=False)
class ChainRun:
    """A run: step i is at the level L − i. segments: who made which steps; the last is going on."""

    segments: tuple[ChainSegment, ...]
    L: int
    steps: list[ChainStep] = field(default_factory=list)

    @property
    def request(self) -> Run:
        """What was asked last."""
        return self.segments[-1].request

    @property
    def times(self) -> tuple[int, ...]:
        """The level of each step, from L to 0."""
        return tuple(range(self.L, -1, -1))

    @property
    def made(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    def step(self, index: int) -> ChainStep:
        """Raises ModelError for one that has not been made."""
        if not 0 <= index < self.made:
            raise ModelError(f"Step {index} of this run has not been made.")
        return self.steps[index]

    def record(self, step: ChainStep) -> None:
        """Later steps are dropped."""
        del self.steps[step.index :]
        self.steps.append(step)


class ChainRuns:
    """By number; the oldest are forgotten. A run holds a few hundred numbers a sample, so memory is no matter."""

    def __init__(self) -> None:
        self._runs: dict[int, ChainRun] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._runs

    def get(self, number: int) -> ChainRun:
        """Raises ModelError where it is not kept."""
        if number not in self._runs:
            raise ModelError("That run is no longer kept: start it again.")
        return self._runs[number]

    def all(self) -> dict[int, ChainRun]:
        """By number, in the order they were begun: as they are now, whatever becomes of them."""
        return dict(self._runs)

    def keep(self, number: int, run: ChainRun) -> None:
        """Under this number, as the newest."""
        self._runs.pop(number, None)
        while len(self._runs) >= KEPT_RUNS:
            self._runs.pop(next(iter(self._runs)))
        self._runs[number] = run

    def forget_all_but(self, wanted: Collection[int]) -> None:
        """Those of other numbers are kept no longer."""
        for number in [number for number in self._runs if number not in wanted]:
            del self._runs[number]

    def clear(self) -> None:
        self._runs.clear()

    def beginning(self, request: Run) -> ChainStep | None:
        """The step that a run goes on from, its own or that of the run it branches off; None for z_L."""
        number, index = self._source(request)
        if index is None:
            return None
        run = self.get(number)
        if not run.made:
            raise ModelError("That run has no step to go on from: start it again.")
        step = run.step(min(index, run.made - 1))
        if len(step.z) != request.count:
            raise ModelError("A run goes on with the number of samples it began with: start it again.")
        return step

    def begun(self, request: Run, first: ChainStep, L: int) -> ChainRun:
        """The run that is to make this first step, with the steps above it of what it goes on from."""
        number, index = self._source(request)
        if index is None:
            given = request.initial is not None
            return ChainRun((ChainSegment(request, 0, given),), L)
        earlier, start = self.get(number), first.index
        there = earlier.step(start)
        made_here = next((s for s in earlier.segments if s.start == start), None)
        given = first.z is not there.z or (made_here is not None and made_here.given)
        if start == 0 and made_here is not None:
            given = given or not _same_prior(made_here.request, request)
        if request.edited is None and made_here is not None:
            request = replace(request, edited=made_here.request.edited)  # still what it began with
        segments = tuple(s for s in earlier.segments if s.start < start)
        return ChainRun((*segments, ChainSegment(request, start, given)), L, earlier.steps[:start])

    def _source(self, request: Run) -> tuple[int, int | None]:
        if request.start is not None or request.branch_of is None:
            return request.run, request.start
        return request.branch_of


def _same_prior(one: Run, other: Run) -> bool:
    """True where both begin with the same z_L."""
    return all(getattr(one, name) == getattr(other, name) for name in ("seed", "first", "count")) and (
        temperature_of(one) == temperature_of(other)
    )


def check_sampler(request: Run) -> None:
    """Raises ModelError for a sampler of diffusion models."""
    if request.sampler != NAME:
        raise ModelError(
            f"The sampler “{request.sampler}” is for diffusion models: a chain of latent variables is sampled by "
            f"“{NAME}”, level by level."
        )


def temperature_of(request: Run) -> float:
    """Raises ModelError for a temperature that is none."""
    value: Any = request.parameters.get(TEMPERATURE.name, TEMPERATURE.default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ModelError(f"temperature is a number from 0 up, not “{value}”.")
    return float(value)
