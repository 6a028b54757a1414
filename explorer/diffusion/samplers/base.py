"""What all samplers share: the Step, the typed parameters and the contract.

A sampler is a generator of frozen Steps. Step k holds the state x at time t and what the model says
there; the next state is computed from that. Nothing is kept in the sampler itself, so any Step can be
continued from, twice, with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.threshold import Limit
from explorer.diffusion.times import SPACINGS, Spacing, planned_times

NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, eq=False, init=False)
class Step:
    """One state of a run.

    index: position in the run, 0 at the start. t: its time. x: x_t, (n, …). prediction: what the model
    says at (x, t). limited_x0: x̂₀ where the sampler limits it, else None. extras: scalars worth
    plotting, by name.
    """

    index: int
    t: float
    x: Tensor
    prediction: Prediction
    limited_x0: Tensor | None
    extras: Mapping[str, float]

    def __init__(
        self,
        index: int,
        t: float,
        x: Tensor,
        prediction: Prediction,
        limited_x0: Tensor | None = None,
        extras: Mapping[str, float] = NOTHING,
    ) -> None:
        # Past the frozen class's own __setattr__: the __init__ it would get takes three times as long.
        fields = self.__dict__
        fields["index"], fields["t"], fields["x"] = index, t, x
        fields["prediction"], fields["limited_x0"], fields["extras"] = prediction, limited_x0, extras

    @property
    def x0(self) -> Tensor:
        """The x̂₀ the sampler goes on with, (n, …): the prediction's own, made when first asked for, unless limited."""
        return self.prediction.x0 if self.limited_x0 is None else self.limited_x0


def parameter(
    default: Any,
    label: str,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
    only_with: str = "",
) -> Any:
    """A field of a sampler's Parameters, with what a panel or a command line needs to offer it.

    only_with: the yes-or-no field without which this one says nothing.
    """
    limits = {"minimum": minimum, "maximum": maximum, "choices": tuple(choices)}
    return field(default=default, metadata={"label": label, "help": help, "only_with": only_with} | limits)


def clip_parameter() -> Any:
    """`clip`, whether x̂₀ is limited."""
    return parameter(True, "Clip x̂₀", "Limit x̂₀ to ± the clip range at every step")


def clip_range_parameter() -> Any:
    """`clip_range`, the limit of x̂₀."""
    return parameter(1.0, "Clip range", "Where x̂₀ is clipped; 1 for pictures in [−1, 1]", 0.1, 100.0, only_with="clip")


NORMAL, UNIFORM = "normal", "uniform"


def start_parameter() -> Any:
    """`start`, the distribution of a run's first x."""
    text = "What a run begins with: normal or uniform noise, both of the first level's variance"
    return parameter(NORMAL, "First x", text, choices=(NORMAL, UNIFORM))


@dataclass(frozen=True)
class Descending:
    """What every sampler can choose whose steps go down a list of times: which times, and how x̂₀ is limited.

    Fields of a base class come before those of its heir. A sampler with choices of its own, to be offered first, has
    them in a class of their own, and `class Parameters(Descending, Own)` puts them there.
    """

    spacing: Spacing = parameter(
        "leading",
        "Spacing",
        "Which of the T times the steps visit; karras is even in σ^(1/7), custom takes the list of times",
        choices=SPACINGS,
    )
    clip: bool = clip_parameter()
    clip_range: float = clip_range_parameter()
    percentile: float = parameter(
        0.0,
        "Percentile",
        "Dynamic thresholding: x̂₀ is clipped at this percentile of |x̂₀|, where that is beyond the clip range, and "
        "scaled back to it; 99.5 is usual, 0 is plain clipping",
        0.0,
        100.0,
        only_with="clip",
    )
    most: float = parameter(
        0.0,
        "Largest bound",
        "Dynamic thresholding: x̂₀ is clipped no farther out than this many clip ranges; 0 is no such limit",
        0.0,
        1e9,
        only_with="clip",
    )
    times: str = parameter("", "Times", "The list of times for the spacing custom, such as 1000, 600, 300, 100")


def plan_times(schedule: Schedule, steps: int, parameters: Descending) -> list[float]:
    """The plan of a sampler whose steps go down a list of times. Raises ValueError for an impossible list."""
    return planned_times(schedule, steps, parameters.spacing, parameters.times)


def limit_of(parameters: Descending) -> Limit | None:
    """How x̂₀ is limited, None where it is not."""
    return Limit(parameters.clip_range, parameters.percentile, parameters.most) if parameters.clip else None


P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)
D = TypeVar("D", bound=Descending)
D_contra = TypeVar("D_contra", bound=Descending, contravariant=True)


class SampleFunction(Protocol[P_contra]):
    """sample(denoiser, schedule, x, times, noise, parameters, history=(), start=0) → Iterator[Step].

    x is the state at times[start]; the steps yielded have the indices start … len(times) − 1, the first
    being x itself. history: the run's earlier Steps, oldest first; if its last is Step `start` itself, what
    the model said there is taken from it instead of asked again. Multistep methods read the Steps before it
    and begin anew where there are none. A run continued from its own Step k (x = step.x, start = k, history =
    the Steps up to k or k − 1) equals the uninterrupted run. x may be any floating-point tensor.
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


class Update(Protocol[D_contra]):
    """update(schedule, step, r, noise, parameters) → x_r from the Step at t > r, (n, …).

    noise: makes the fresh noise of this update, (n, …), where it is called.
    """

    def __call__(
        self, schedule: Schedule, step: Step, r: float, noise: Callable[[], Tensor], parameters: D_contra
    ) -> Tensor: ...


def descent(update: Update[D]) -> SampleFunction[D]:
    """The sampler of which the next x follows from one Step: it looks, updates x, and looks again, down to the end."""

    def sample(
        denoiser: Denoiser,
        schedule: Schedule,
        x: Tensor,
        times: Sequence[float],
        noise: NoiseSource,
        parameters: D,
        history: Sequence[Step] = (),
        start: int = 0,
    ) -> Iterator[Step]:
        limit = limit_of(parameters)
        step = first_step(denoiser, x, times[start], start, history, limit)
        yield step
        for index in range(start + 1, len(times)):
            r = times[index]
            step = observe(denoiser, update(schedule, step, r, partial(noise, index), parameters), r, index, limit)
            yield step

    return sample


@dataclass(frozen=True)
class Sampler(Generic[P]):
    """A sampler as the program offers it."""

    name: str
    label: str
    summary: str
    parameters: type[P]
    default_steps: int
    plan: Callable[[Schedule, int, P], list[float]]
    """(schedule, steps, parameters) → the times of the run. Raises ValueError for impossible numbers."""
    sample: SampleFunction[P]
    steps_label: str = "Steps"
    levels: bool = False
    """True where a run stays at each time for several steps."""
    needs_density: bool = False
    """True where it runs only with a denoiser that knows its density (see `denoiser.log_density`)."""
    memory: int | None = 0
    """How many Steps before a Step the next one depends on, as far as they are there; None where it is all of them."""

    def begin(self, schedule: Schedule, t: float, parameters: P, noise: NoiseSource) -> Tensor:
        """The x a run begins with at time t: normal, or uniform with the same variance where `parameters.start` says
        so, each number then being the quantile of the normal one."""
        x = noise(0, Stream.INITIAL)
        if getattr(parameters, "start", NORMAL) == UNIFORM:
            x = (2 * torch.special.ndtr(x) - 1) * math.sqrt(3)
        return x * schedule.prior_std(t)


def observe(
    denoiser: Denoiser,
    x: Tensor,
    t: float,
    index: int,
    limit: Limit | None = None,
    extras: Mapping[str, float] | None = None,
) -> Step:
    """Ask the model about (x, t). limit: how x̂₀ is limited; None leaves it alone."""
    prediction = denoiser(x, t)
    limited_x0 = limit(prediction.x0) if limit is not None and t > 0 else None
    return Step(index, t, x, prediction, limited_x0, extras or NOTHING)


def first_step(
    denoiser: Denoiser, x: Tensor, t: float, index: int, history: Sequence[Step], limit: Limit | None = None
) -> Step:
    """The Step a run begins with: the last of its history where that is this very step, else a new look."""
    if history and history[-1].index == index and history[-1].x is x:
        return history[-1]
    return observe(denoiser, x, t, index, limit)


def step_before(history: Sequence[Step], index: int) -> Step | None:
    """The Step that led to Step `index`, None where the history does not hold it."""
    return next((step for step in reversed(history) if step.index == index - 1), None)


def scaled(x: Tensor, factor: float) -> Tensor:
    """factor · x as x + (factor − 1) x: half the cost of a product with a number on the CPU, and better near 1, where
    a factor rounded to float32 would leave its error at every step of a long run.

    For x of the size of x_t or ε̂: the error is that of x, not that of the product.
    """
    return x.add(x, alpha=factor - 1)


def rms(x: Tensor) -> float:
    """The root-mean-square size of a tensor's numbers, NaN where they do not exist."""
    return math.nan if x.is_meta else float(x.square().mean().sqrt())
