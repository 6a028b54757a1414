"""Running a sampler: from x_T, on from a step of the run, or branched off a step of another."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Any

import torch

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import Step
from explorer.diffusion.threshold import Limit
from explorer.engine.device import NUMBERS_HELD, check_memory
from explorer.engine.finite import check_finite
from explorer.engine.frame import Frame, Progress
from explorer.engine.guided import guided
from explorer.engine.meter import Meter
from explorer.engine.samplers import chosen_sampler, loads_diffusers
from explorer.engine.seeing import recorded_step, seen_of_step
from explorer.engine.sources import edited, initial
from explorer.engine.trajectory import Segment, Trajectory
from explorer.engine.workbench import Workbench
from explorer.facts import ModelError
from explorer.request import Run


@torch.inference_mode()
def run(bench: Workbench, request: Run) -> Iterator[Frame]:
    """Each step as it is made, recorded under the request's number.

    Raises ModelError where the step to go on from is not there or does not fit, or numbers are no longer finite.
    """
    model = bench.model(request.model)
    if loads_diffusers(request.sampler):
        yield Progress("Loading diffusers…")
    sampler, parameters = chosen_sampler(request)
    schedule = model.denoiser.schedule
    meter = Meter(guided(model, request.guidance))
    plan = sampler.plan(schedule, request.steps, parameters)
    size = math.prod(model.facts.shape)
    recorded = min(2 * request.count * len(plan) * size, bench.runs.budget // 4) if request.record else 0
    check_memory((request.first + NUMBERS_HELD * request.count) * size + recorded)
    noise = NoiseSource(request.seed, request.count, model.facts.shape, model.device, request.first)
    limit = _limit(parameters)
    history: tuple[Step, ...] = ()
    if request.start is None and request.branch_of is None:
        x, start = initial(request, schedule, noise, plan[0]), 0
        shown = model.facts.value_range if model.facts.kind == "image" else None
        segment = Segment(request, 0, False, sampler.memory, limit)
        trajectory = Trajectory(tuple(plan), (segment,), value_range=shown)
    else:
        step, earlier = yield from _step_to_go_on_from(bench, request)
        x, start = edited(model, request, step), step.index
        # What the model said there still holds, unless the user has since changed what it is asked.
        goes_on = x is step.x and _asks_the_same(earlier.segment(start).request, request)
        trajectory = earlier.continued(request, plan, start, goes_on, sampler.memory, limit)
        history = trajectory.history(start) if goes_on else ()
        x = history[-1].x if history else x
    if request.wanted is not None:
        bench.runs.forget_all_but({*request.wanted, request.run})
    bench.runs.keep(request.run, trajectory)
    for step in sampler.sample(meter, schedule, x, trajectory.times, noise, parameters, history, start):
        trajectory.record(step)
        bench.runs.fit()
        check_finite(step)
        rests = request.until is not None and step.index >= request.until
        yield from seen_of_step(bench, trajectory, step, request, meter, rests=rests)
        if rests:
            return


def _step_to_go_on_from(bench: Workbench, request: Run) -> Generator[Frame, None, tuple[Step, Trajectory]]:
    """Of the run itself, or of the one it branches off."""
    number, index = request.run, request.start
    if index is None:
        assert request.branch_of is not None
        number, index = request.branch_of
    earlier = bench.runs.get(number)
    if not earlier.made:
        raise ModelError("That run has no step to go on from: start it again.")
    if len(earlier.last.x) != request.count:
        raise ModelError("A run goes on with the number of samples it began with: start it again.")
    if earlier.request.model.schedule != request.model.schedule:
        raise ModelError("A run goes on with the noise schedule it began with: start it again.")
    step, _ = yield from recorded_step(bench, earlier, min(index, earlier.made - 1))
    return step, earlier


def _limit(parameters: Any) -> Limit | None:
    """How a sampler with these parameters limits x̂₀; not all of them can."""
    if not getattr(parameters, "clip", False):
        return None
    return Limit(parameters.clip_range, getattr(parameters, "percentile", 0.0), getattr(parameters, "most", 0.0))


def _asks_the_same(earlier: Run, request: Run) -> bool:
    """True where what the model said in the earlier run, x̂₀ clipped or not, is what it would say now."""
    same_clip = all(
        earlier.parameters.get(n) == request.parameters.get(n) for n in ("clip", "clip_range", "percentile", "most")
    )
    return earlier.guidance == request.guidance and earlier.sampler == request.sampler and same_clip
