"""Any scheduler of diffusers as a Sampler, called `diffusers:CLASSNAME`.

Such a scheduler keeps its memory to itself: how many steps were made, what the model said, how far a step of several
looks has come. So a run that goes on from a Step first repeats, with what the earlier Steps recorded, what the
scheduler was told until then; the model is not asked again. Without those Steps it begins there with an empty memory.

* Its times count from 0, ours from 1. One step of the scheduler is one Step here; a method with two looks at the
  model visits a time twice.
* Some of them work on y = x/a. Steps hold x.
* It is configured from the schedule's β, and told ε̂, or v̂ where that is what the network gives. Those that know σ
  and no β are in `diffusers_sigmas.py`.
* Its random numbers are those of the NoiseSource, put in place of those that it asks torch for.
* Those that remember nothing (MEMORYLESS in `diffusers_names.py`) go on from any Step to the last bit; of the others'
  runs all Steps are needed, so that none is ever dropped to save memory.

diffusers is imported when such a sampler is looked up, not before.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from inspect import signature
from typing import Any, Literal

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.prediction import Kind
from explorer.diffusion.samplers.base import (
    Sampler,
    Step,
    clip_parameter,
    clip_range_parameter,
    first_step,
    observe,
    parameter,
)
from explorer.diffusion.samplers.diffusers_names import MEMORYLESS, PACKAGES, PREFIX, REMEMBERS
from explorer.diffusion.samplers.diffusers_noise import AddressedNoise, AddressedPath
from explorer.diffusion.samplers.diffusers_refused import REFUSED
from explorer.diffusion.samplers.diffusers_sigmas import family_of, make, output_for, set_times
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.threshold import Limit

TOLD = ("self", "model_output", "timestep", "sample")
"""What a scheduler's step is told first."""


@dataclass(frozen=True)
class Parameters:
    """Choices that diffusers' schedulers share; one that a scheduler does not know is not passed on."""

    spacing: Literal["leading", "linspace", "trailing"] = parameter(
        "leading", "Spacing", "diffusers' timestep_spacing", choices=("leading", "linspace", "trailing")
    )
    eta: float = parameter(0.0, "η", "Fresh noise, for the schedulers that have it (DDIM)", 0.0, 1.0)
    clip: bool = clip_parameter()
    clip_range: float = clip_range_parameter()


@lru_cache(maxsize=64)
def from_diffusers(name: str) -> Sampler[Parameters]:
    """The sampler for a name such as "diffusers:UniPCMultistepScheduler".

    Raises ValueError for a class that is no scheduler of diffusers, or that is made otherwise than of β or σ.
    """
    class_name = name.removeprefix(PREFIX)
    scheduler_class = class_called(class_name)
    forgets = class_name in MEMORYLESS
    return Sampler(
        name,
        class_name,
        f"{class_name} of the diffusers library." + ("" if forgets else f" {REMEMBERS}"),
        Parameters,
        default_steps=50,
        plan=partial(plan, scheduler_class),
        sample=partial(sample, scheduler_class),
        memory=0 if forgets else None,
    )


def class_called(name: str) -> type[Any]:
    """A scheduler of diffusers that takes a noise schedule as β or as σ, and the model's output, the time and x at each
    step.

    Nothing but a class that diffusers itself lists and derives from SchedulerMixin is ever looked up.
    """
    import diffusers.schedulers
    from diffusers.schedulers.scheduling_utils import SchedulerMixin

    if name in REFUSED:
        raise ValueError(f"{name} {REFUSED[name]}")
    if missing := [package for package in PACKAGES.get(name, ()) if find_spec(package) is None]:
        raise ValueError(f"diffusers has {name} only with the package {' and '.join(missing)}, not installed here")
    if name.endswith("Scheduler") and name in dir(diffusers.schedulers):
        candidate = getattr(diffusers.schedulers, name, None)
        if isinstance(candidate, type) and issubclass(candidate, SchedulerMixin) and hasattr(candidate, "step"):
            told = tuple(signature(candidate.step).parameters)[:4]
            of_betas = {"trained_betas", "prediction_type"} <= set(_knows(candidate))
            if (of_betas or family_of(candidate)) and told == TOLD:
                return candidate
    raise ValueError(f"there is no scheduler called “{name[:60]}” in diffusers that is made of β or σ")


def plan(scheduler_class: type[Any], schedule: Schedule, steps: int, parameters: Parameters) -> list[float]:
    """The scheduler's own times. Raises ValueError for a schedule without β, impossible numbers, fractions, and
    too many steps for a spacing."""
    if not 1 <= steps <= schedule.T:
        raise ValueError(f"the number of steps must lie between 1 and T = {schedule.T}, got {steps}")
    scheduler = _scheduler(scheduler_class, schedule, parameters, "eps")
    return _set_times(scheduler, steps, schedule)


def sample(
    scheduler_class: type[Any],
    denoiser: Denoiser,
    schedule: Schedule,
    x: Tensor,
    times: Sequence[float],
    noise: NoiseSource,
    parameters: Parameters,
    history: Sequence[Step] = (),
    start: int = 0,
) -> Iterator[Step]:
    """See the module's text. Raises ValueError for times that are not the scheduler's own."""
    limit = Limit(parameters.clip_range) if parameters.clip and "clip_sample" in _knows(scheduler_class) else None
    step = first_step(denoiser, x, times[start], start, history, limit)
    run = SchedulerRun.along(scheduler_class, schedule, times, noise, parameters, step.prediction.kind)
    y = run.resume(step, history)
    yield step
    for index in range(start + 1, len(times)):
        y = run.advance(y, step)
        step = observe(denoiser, run.seen(y, index), times[index], index, limit)
        yield step


@dataclass(frozen=True)
class SchedulerRun:
    """A scheduler set to the times of a run, with the numbers it gets for random ones."""

    scheduler: Any
    end: int
    """The index of the last Step, at t = 0."""
    noise: NoiseSource
    parameters: Parameters

    @classmethod
    def along(
        cls,
        scheduler_class: type[Any],
        schedule: Schedule,
        times: Sequence[float],
        noise: NoiseSource,
        parameters: Parameters,
        kind: Kind,
    ) -> SchedulerRun:
        """kind: what the network gives. Raises ValueError for times that are not the scheduler's own."""
        scheduler = _scheduler(scheduler_class, schedule, parameters, kind)
        _find_times(scheduler, times, schedule)
        if hasattr(scheduler, "noise_sampler"):
            scheduler.noise_sampler = AddressedPath(noise)
        return cls(scheduler, len(times) - 1, noise, parameters)

    def resume(self, step: Step, history: Sequence[Step]) -> Tensor:
        """The scheduler's own sample at a Step, after which the scheduler remembers what led there."""
        index = step.index
        if index == self.end:
            return step.x
        past = {earlier.index: earlier for earlier in history if earlier.index < index}
        if index and len(past) == index:
            y = self.unseen(past[0].x, 0)
            for k in range(index):
                y = self.advance(y, past[k])
            if torch.equal(self.seen(y, index), step.x):
                return y
        elif index and hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(index)
        return self.unseen(step.x, index)

    def seen(self, y: Tensor, index: int) -> Tensor:
        """x, what the model is shown, of the scheduler's sample y."""
        if index == self.end:
            return y
        if not hasattr(self.scheduler, "scale_model_input"):
            return y
        shown: Tensor = self.scheduler.scale_model_input(y, self.scheduler.timesteps[index])
        return y if family_of(self.scheduler) else shown  # our denoisers scale what their network is shown themselves

    def unseen(self, x: Tensor, index: int) -> Tensor:
        """The scheduler's sample of x."""
        return x / self.seen(x.new_ones(()), index)

    def advance(self, y: Tensor, step: Step) -> Tensor:
        """The scheduler's sample after a Step."""
        prediction, index = step.prediction, step.index
        self.seen(y, index)  # some of them note the time there
        output = prediction.v if prediction.kind == "v" else prediction.eps
        if family := family_of(self.scheduler):
            output = output_for(self.scheduler, family, prediction, index)
        options = {"eta": self.parameters.eta} if "eta" in signature(self.scheduler.step).parameters else {}
        if hasattr(self.scheduler, "noise_sampler"):
            self.scheduler.noise_sampler.step = index + 1
        with AddressedNoise(self.noise, index + 1), _quiet():
            result = self.scheduler.step(output, self.scheduler.timesteps[index], y, **options)
        after: Tensor = result.prev_sample
        return after


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what numpy 2 says of the way that diffusers makes arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _knows(scheduler_class: type[Any]) -> Mapping[str, Any]:
    """The arguments a scheduler is made with."""
    return signature(scheduler_class.__init__).parameters


def _scheduler(scheduler_class: type[Any], schedule: Schedule, parameters: Parameters, kind: Kind) -> Any:
    if family := family_of(scheduler_class):
        return make(scheduler_class, family, schedule)
    if schedule.betas is None:
        raise ValueError(f"diffusers' schedulers need a schedule made of β, which {schedule.name} is not")
    wanted = {
        "num_train_timesteps": schedule.T,
        "trained_betas": schedule.betas.tolist(),
        "prediction_type": "v_prediction" if kind == "v" else "epsilon",
        "timestep_spacing": parameters.spacing,
        "steps_offset": 0,
        "set_alpha_to_one": True,
        "lower_order_final": True,
        "clip_sample": parameters.clip,
        "clip_sample_range": parameters.clip_range,
        # Where no signal is left at t = T, theirs keep a trace of it.
        "rescale_betas_zero_snr": schedule.signal(schedule.T) == 0,
    }
    with _quiet():
        return scheduler_class(**{key: value for key, value in wanted.items() if key in _knows(scheduler_class)})


def _set_times(scheduler: Any, steps: int, schedule: Schedule) -> list[float]:
    """The times of the scheduler with so many steps, which it is set to."""
    if family := family_of(scheduler):
        return set_times(scheduler, family, steps, schedule)
    name = type(scheduler).__name__
    with _quiet():
        try:
            scheduler.set_timesteps(steps)
        except (ValueError, IndexError, ZeroDivisionError) as error:  # PNDM's of fewer than the 4 it begins with
            raise ValueError(f"{name} cannot make a run of {steps} steps") from error
    inputs = [_whole(float(index)) for index in scheduler.timesteps]
    if schedule.discrete and not all(index.is_integer() for index in inputs):
        other = "a schedule of continuous time, such as vp_sde, has them"
        raise ValueError(f"{name} visits times between the whole ones with {steps} steps of this spacing: {other}")
    if len(set(inputs)) < steps:
        raise ValueError(f"{name} would visit a time twice with {steps} steps of this spacing")
    if inputs[0] < max(inputs):
        raise ValueError(f"{name} goes from data to noise, and a run goes the other way")
    return [*(int(index) + 1 if index.is_integer() else index + 1 for index in inputs), 0]


def _whole(index: float) -> float:
    """A whole number where it is one but for rounding: some of them go from a time to its σ and back."""
    nearest = round(index)
    return float(nearest) if abs(index - nearest) < 1e-3 else index


def _find_times(scheduler: Any, times: Sequence[float], schedule: Schedule) -> None:
    """Set the scheduler to the number of steps whose times these are."""
    made = len(times) - 1
    for steps in dict.fromkeys([made, (made + 1) // 2, made - 9, *range(made, 0, -1)]):
        # A number of steps that is not the one looked for may be one with times that no run can have.
        with suppress(ValueError):
            if 1 <= steps <= schedule.T and _set_times(scheduler, steps, schedule) == list(times):
                return
    raise ValueError("a run of one of diffusers' schedulers goes on with the times it began with")
