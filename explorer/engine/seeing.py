"""What lenses see: of a forward view, of a recorded step, of a step as a sampler makes it; and the filmstrip."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import Step
from explorer.diffusion.threshold import Limit
from explorer.engine.compare import beside
from explorer.engine.device import NUMBERS_HELD, check_memory
from explorer.engine.drawing import drawn_at_once, drawn_in_stages
from explorer.engine.forms import conversions
from explorer.engine.frame import FilmStrip, Frame, Seen
from explorer.engine.guided import exact_answer, guided
from explorer.engine.meter import Meter
from explorer.engine.runs import step_of
from explorer.engine.scalars import guidance_size
from explorer.engine.sources import forward, thumbnail
from explorer.engine.trajectory import Trajectory
from explorer.engine.workbench import Workbench
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.lenses.base import View, number
from explorer.lenses.drawable import Drawable, Missing, seen_last
from explorer.request import Film, Forward, Look, Replay, Run

FIRST_NOISE = (1, 2)
"""The times nearest to the data at which there is noise, and at which a step has a density: that to t = 0 has none."""


@torch.inference_mode()
def look(bench: Workbench, request: Look) -> Iterator[Frame]:
    """The tiles of a forward view or of a recorded step, the slow ones after the others."""
    if isinstance(request.source, Replay):
        yield from _replay(bench, request, request.source)
    else:
        yield from _look_forward(bench, request, request.source)


@torch.inference_mode()
def film(bench: Workbench, request: Film) -> FilmStrip:
    """x_t at several times, small."""
    model = bench.model(request.model)
    x_0, eps = forward(model, request.source)
    schedule = model.denoiser.schedule
    strip = [torch.add(x_0 * schedule.signal(t), eps, alpha=schedule.noise(t)) for t in request.times]
    return FilmStrip(request.times, tuple(thumbnail(model, x_t, x_0) for x_t in strip))


@torch.inference_mode()
def forms(bench: Workbench, request: Look) -> Iterator[Frame]:
    """x̂₀, ε̂, score, v̂ and û from one another, of what a look is about."""
    source = request.source
    if isinstance(source, Forward):
        model = bench.model(request.model)
        schedule = model.denoiser.schedule
        x_0, eps = forward(model, source)
        x_t = torch.add(x_0 * schedule.signal(request.t), eps, alpha=schedule.noise(request.t))
        yield conversions(model, guided(model, request.guidance)(x_t, request.t))
    else:
        step, _ = yield from recorded_step(bench, bench.runs.get(source.run), source.step)
        yield conversions(bench.model_of(bench.runs.get(source.run)), step.prediction)


def recorded_step(bench: Workbench, run: Trajectory, index: int) -> Generator[Frame, None, tuple[Step, Meter]]:
    """A step of a run, made again where it is no longer held, and the denoiser that it asked."""
    model = bench.model_of(run)
    meter = Meter(guided(model, run.segment(index).request.guidance))
    step = yield from step_of(model, run, index, meter)
    return step, meter


def seen_of_step(
    bench: Workbench,
    trajectory: Trajectory,
    step: Step,
    request: Look | Run,
    meter: Meter,
    replayed: bool = False,
    rests: bool = False,
) -> Iterator[Frame]:
    """What the lenses of a request see at a step of a run, with what is to stand beside it.

    rests: no other step is on its way, so that lenses which take long are drawn.
    """

    place = request.place if isinstance(request, Look) else None

    def draw(run: Trajectory, step: Step, meter: Meter) -> Mapping[str, Drawable]:
        tiles, _ = drawn_at_once(_view_of_step(bench, run, step, meter, place), request.lenses, running=True)
        return with_last(tiles, run, step, meter)

    def with_last(tiles: Mapping[str, Drawable], run: Trajectory, step: Step, meter: Meter) -> Mapping[str, Drawable]:
        """At t = 0, where ε̂, the score and others are not: what there was of them at the run's last steps."""
        if step.t > 0 or not any(_nothing(tile) for tile in tiles.values()):
            return tiles
        for before in run.last_with_noise(step.index, len(FIRST_NOISE)):
            missing = tuple(name for name, tile in tiles.items() if _nothing(tile))
            if missing:
                drawn, _ = drawn_at_once(_view_of_step(bench, run, before, meter, place), missing, running=True)
                found = {name: seen_last(tiles[name], tile, before.t) for name, tile in drawn.items()}
                tiles = {**tiles, **found}
        return tiles

    index, model = step.index, bench.model_of(trajectory)
    view = _view_of_step(bench, trajectory, step, meter, place)
    quick, slow = drawn_at_once(view, request.lenses, running=not (replayed or rests))
    seen = Seen(
        round(step.t),
        with_last(quick, trajectory, step, meter),
        number(step.prediction.a),
        number(step.prediction.s),
        run=trajectory.request.run,
        step=index,
        times=trajectory.marks,
        finished=index == len(trajectory.times) - 1,
        replayed=replayed,
        scalars=trajectory.scalars[index if trajectory.request.record else -1],
        thumbnail=thumbnail(model, step.x, step.prediction.x0),
        more=bool(slow),
        **meter.readings(),
    )
    seen = yield from beside(bench.model_of, bench.runs, seen, trajectory, request.against, draw)
    guidance = trajectory.segment(index).request.guidance
    own = trajectory if request.second_own else None
    yield (yield from bench.beside_second(seen, view, request.second, guidance, own))
    yield from drawn_in_stages(view, slow)


def _look_forward(bench: Workbench, request: Look, source: Forward) -> Iterator[Frame]:
    model = bench.model(request.model)
    if source.picture is None:
        check_memory(NUMBERS_HELD * source.count * math.prod(model.facts.shape))
    x_0, eps = forward(model, source)
    schedule = model.denoiser.schedule
    a, s = schedule.signal(request.t), schedule.noise(request.t)
    meter = Meter(guided(model, request.guidance))
    prediction = meter(torch.add(x_0 * a, eps, alpha=s), request.t)
    if not prediction.output.is_meta and not bool(torch.isfinite(prediction.output).all()):
        raise ModelError(f"The network returned values that are not finite at t = {request.t}.")
    view = _view_forward(model, prediction, meter, request, x_0, eps)
    quick, slow = drawn_at_once(view, request.lenses)
    sizes = guidance_size(prediction)
    seen = Seen(request.t, quick, a, s, scalars=sizes, more=bool(slow), **meter.readings())
    seen = yield from bench.beside_second(seen, view, request.second, request.guidance)
    for t in FIRST_NOISE if request.t == 0 else ():
        # ε̂, the score and others are not there: what is to be seen of them a little later, with the same ε.
        missing = tuple(name for name in quick if _nothing(seen.tiles[name]))
        if not missing or t > schedule.T:
            break
        a, s = schedule.signal(t), schedule.noise(t)
        after = meter(torch.add(x_0 * a, eps, alpha=s), t)
        there = _view_forward(model, after, meter, replace(request, t=t), x_0, eps)
        drawn, _ = drawn_at_once(there, missing)
        beyond = yield from bench.beside_second(Seen(t, drawn, a, s), there, request.second, request.guidance)
        found = {name: seen_last(seen.tiles[name], tile, t) for name, tile in beyond.tiles.items()}
        seen = replace(seen, tiles={**seen.tiles, **found})
    yield seen
    yield from drawn_in_stages(view, slow)


def _nothing(drawable: Drawable) -> bool:
    """Whether there is nothing to show, not even of another time."""
    return isinstance(drawable, Missing) and drawable.last is None


def _replay(bench: Workbench, request: Look, source: Replay) -> Iterator[Frame]:
    trajectory = bench.runs.get(source.run)
    if not 0 <= source.step < trajectory.made:
        raise ModelError(f"Step {source.step} of this run has not been made.")
    step, meter = yield from recorded_step(bench, trajectory, source.step)
    bench.runs.fit()
    yield from seen_of_step(bench, trajectory, step, request, meter, replayed=True)


def _view_forward(model: Model, prediction: Prediction, meter: Meter, request: Look, x_0: Tensor, eps: Tensor) -> View:
    clip = request.clip
    return View(
        model.facts,
        prediction,
        meter,
        x_0,
        eps,
        truth=model.truth,
        exact=exact_answer(model, request.guidance),
        data=model.samples,
        limit=None if clip is None else Limit(clip.reach, clip.percentile, clip.most),
        next_t=request.t - 1 if request.t > 0 else None,
        place=request.place,
        decode=None if model.autoencoder is None else model.autoencoder.decode,
    )


def _view_of_step(bench: Workbench, run: Trajectory, step: Step, meter: Meter, place: tuple[int, int] | None) -> View:
    model, segment = bench.model_of(run), run.segment(step.index)
    return View(
        model.facts,
        step.prediction,
        meter,
        truth=model.truth,
        exact=exact_answer(model, segment.request.guidance),
        data=model.samples,
        recorded=lambda: run.positions,
        times=run.times,
        step=step.index,
        limit=segment.limit,
        next_t=run.next_time(step.index),
        place=place,
        decode=None if model.autoencoder is None else model.autoencoder.decode,
    )
