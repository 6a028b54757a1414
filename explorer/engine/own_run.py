"""The run that a second model makes beside the first one's: from the same x_T, by the same sampler at the same times,
with the same noise. Where the user put x_t in by hand, it goes on from that too."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import Step
from explorer.engine.finite import check_finite
from explorer.engine.frame import Progress
from explorer.engine.guided import guided
from explorer.engine.meter import Meter
from explorer.engine.runs import step_of
from explorer.engine.samplers import chosen_sampler
from explorer.engine.trajectory import Segment, Trajectory
from explorer.facts import ModelError
from explorer.formats.model import Model


class OwnRun:
    """Of one second model, beside one run of the first at a time; it keeps as many steps as that run does."""

    def __init__(self) -> None:
        self._beside: tuple[Segment, ...] = ()
        """Those of the first model's run."""
        self._run = Trajectory((), ())

    def at(self, model: Model, first: Trajectory, index: int) -> Generator[Progress, None, tuple[Step, Trajectory]]:
        """Its step `index`, made as far as it is not there yet, with a word at each step on the way.

        model: the second one, on the schedule of `first`. Raises ModelError where its numbers are not finite.
        """
        if not self._follows(first):
            self._beside = first.segments
            self._run = Trajectory(first.times, (), stride=first.stride, value_range=first.value_range)
        elif self._run.stride < first.stride:
            self._run.thin(first.stride)
        yield from self._go_on(model, first, index)
        meter = Meter(guided(model, self._run.segment(index).request.guidance))
        step = yield from step_of(model, self._run, index, meter)
        return step, self._run

    def _follows(self, first: Trajectory) -> bool:
        """Whether what is there was made beside this very run."""
        if first.times != self._run.times or len(first.segments) != len(self._beside):
            return False
        return all(map(_same, first.segments, self._beside))

    def _go_on(self, model: Model, first: Trajectory, index: int) -> Generator[Progress, None, None]:
        """Make the steps up to `index`, each by the request that made the first model's."""
        run = self._run
        for number, segment in enumerate(first.segments):
            if segment.start > index or run.made > index:
                return
            begun = len(run.segments) > number
            if begun and len(run.segments) > number + 1:
                continue  # it is done with that one
            if begun:
                start, history = run.made - 1, run.history(run.made - 1)
                x = run.last.x
            else:
                by_hand = number == 0 or segment.request.edited is not None
                start, x = segment.start, _held(first, segment.start).x if by_hand else run.last.x
                run.segments = (*run.segments, segment)
                history = run.history(start) if segment.continues else ()
            following = first.segments[number + 1].start if number + 1 < len(first.segments) else index
            request, last = segment.request, min(index, following)
            sampler, parameters = chosen_sampler(request)
            schedule, meter = model.denoiser.schedule, Meter(guided(model, request.guidance))
            noise = NoiseSource(request.seed, request.count, model.facts.shape, model.device, request.first)
            for step in sampler.sample(meter, schedule, x, first.times, noise, parameters, history, start):
                _check(step, model)
                new = step.index >= run.made
                run.record(step)
                if step.index >= last:
                    break
                if new:
                    yield Progress("Making the second model's own run…", step.index / index)


def _same(one: Segment, other: Segment) -> bool:
    """Whether the requests of both make the same steps."""
    put_in = one.request.edited is other.request.edited and one.request.initial is other.request.initial
    return put_in and _asked(one) == _asked(other)


def _asked(segment: Segment) -> tuple[Any, ...]:
    request = segment.request
    asked = (request.model, request.sampler, request.seed, request.count, request.first, request.guidance)
    return (segment.start, segment.continues, *asked, dict(request.parameters))


def _held(run: Trajectory, index: int) -> Step:
    """A step at which somebody's choices changed: such steps are always kept."""
    step = run.step(index)
    assert step is not None
    return step


def _check(step: Step, model: Model) -> None:
    try:
        check_finite(step)
    except ModelError as error:
        raise ModelError(f"“{model.facts.title}”, the second model: {error}") from None
