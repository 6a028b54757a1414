"""What all samplers share: the Step, the typed parameters and the contract.

A sampler is a generator of frozen Steps. Step k holds the state x at time t and what the model says
there; the next state is computed from that. Nothing is kept in the sampler itself, so any Step can be
continued from, twice, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One state of a run.

    index: position in the run, 0 at the start. t: its time. x: x_t, (n, …). prediction: what the model
    says at (x, t). x0: the x̂₀ the sampler goes on with, clipped where it clips. extras: scalars worth
    plotting, by name.
    """

    index: int
    t: float
    x: Tensor
    prediction: Prediction
    x0: Tensor
    extras: Mapping[str, float] = field(default_factory=dict)


def parameter(
    default: Any,
    label: str,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """A field of a sampler's Parameters, with what a panel or a command line needs to offer it."""
    metadata = {"label": label, "help": help, "minimum": minimum, "maximum": maximum, "choices": tuple(choices)}
    return field(default=default, metadata=metadata)


P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)


class SampleFunction(Protocol[P_contra]):
    """sample(denoiser, schedule, x, times, noise, parameters, history=(), start=0) → Iterator[Step].

    x is the state at times[start]; the steps yielded have the indices start … len(times) − 1, the first
    being x itself. history: earlier Steps of the run, newest last, for multistep methods; if its last is
    Step `start` itself, what the model said there is taken from it instead of asked again. A run continued
    from its own Step k (x = step.x, start = k) equals the uninterrupted run.
    """

    def __call__(
        self,
        denoiser: Denoiser,
        schedule: Schedule,
        x: Tensor,
        times: Sequence[float],
        noise: NoiseSource,
        parameters: P_contra,
        history: Sequence[Step] = (),
        start: int = 0,
    ) -> Iterator[Step]: ...


@dataclass(frozen=True)
class Sampler(Generic[P]):
    """A sampler as the program offers it."""

    name: str
    label: str
    summary: str
    parameters: type[P]
    default_steps: int
    plan: Callable[[Schedule, int, P], list[int]]
    """(schedule, steps, parameters) → the times of the run. Raises ValueError for impossible numbers."""
    sample: SampleFunction[P]
    steps_label: str = "Steps"
    levels: bool = False
    """True where a run stays at each time for several steps."""


def observe(
    denoiser: Denoiser,
    x: Tensor,
    t: float,
    index: int,
    clip_range: float | None = None,
    extras: Mapping[str, float] | None = None,
) -> Step:
    """Ask the model about (x, t). clip_range: limit x̂₀ to ± this value; None leaves it alone."""
    prediction = denoiser(x, t)
    x0 = prediction.x0
    if clip_range is not None and t > 0:
        x0 = x0.clamp(-clip_range, clip_range)
    return Step(index, t, x, prediction, x0, extras or {})


def first_step(
    denoiser: Denoiser, x: Tensor, t: float, index: int, history: Sequence[Step], clip_range: float | None = None
) -> Step:
    """The Step a run begins with: the last of its history where that is this very step, else a new look."""
    if history and history[-1].index == index and history[-1].x is x:
        return history[-1]
    return observe(denoiser, x, t, index, clip_range)
