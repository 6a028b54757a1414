"""Two runs side by side, the second at the time at which the first is on show; and two models, asked at one x_t."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace

import torch

from explorer.diffusion.samplers import Step
from explorer.engine.drawing import drawn_at_once
from explorer.engine.frame import Frame, Seen
from explorer.engine.guided import guided
from explorer.engine.meter import Meter
from explorer.engine.runs import Runs, step_of
from explorer.engine.trajectory import Trajectory
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.lenses.base import View
from explorer.lenses.difference import difference
from explorer.lenses.drawable import Drawable
from explorer.request import Guidance

Draw = Callable[[Trajectory, Step, Meter], Mapping[str, Drawable]]


def same_moment(a: Trajectory, index: int, b: Trajectory) -> int:
    """The step of B at the time of A's step `index`: the same one where its time is the same, else the nearest."""
    if index < b.made and b.times[index] == a.times[index]:
        return index
    t = a.times[index]
    return min(range(b.made), key=lambda i: (abs(b.times[i] - t), abs(i - index)))


def beside(
    model_of: Callable[[Trajectory], Model], runs: Runs, seen: Seen, a: Trajectory, against: int | None, draw: Draw
) -> Generator[Frame, None, Seen]:
    """`seen` with what the run `against` shows at the same time as tiles `LENS:b`, and A − B as `LENS:difference`.

    Unchanged where there is nothing to compare with.
    """
    if against is None or against not in runs or against == seen.run:
        return seen
    b = runs.get(against)
    if not b.made:
        return seen
    index, model = same_moment(a, seen.step, b), model_of(b)
    meter = Meter(guided(model, b.segment(index).request.guidance))
    step = yield from step_of(model, b, index, meter)
    tiles = dict(seen.tiles)
    for name, other in draw(b, step, meter).items():
        if name not in seen.tiles:
            continue  # a tile that takes longer is drawn of one run alone
        tiles[f"{name}:b"] = other
        tiles[f"{name}:difference"] = difference(seen.tiles[name], other)
    return replace(seen, tiles=tiles, against=(against, index, round(step.t)))


def beside_model(seen: Seen, view: View, other: Model, guidance: Guidance) -> Seen:
    """`seen`, which is drawn from `view`, with what another model says at the same x_t, t, label and guidance as tiles
    `LENS:b`, and A − B as `LENS:difference`.

    other: one that can be compared, on the first one's schedule. Raises ModelError where its numbers are not finite.
    """
    meter = Meter(guided(other, guidance))
    prediction = meter(view.prediction.x_t, view.prediction.t)
    if not prediction.output.is_meta and not bool(torch.isfinite(prediction.output).all()):
        raise ModelError(f"“{other.facts.title}” returned values that are not finite at t = {view.prediction.t:g}.")
    return _with(seen, replace(view, prediction=prediction, denoiser=meter), other)


def beside_own_run(seen: Seen, view: View, other: Model, guidance: Guidance, step: Step, run: Trajectory) -> Seen:
    """The same with a step of the other model's own run."""
    meter = Meter(guided(other, guidance))
    its = replace(view, prediction=step.prediction, denoiser=meter, recorded=lambda: run.positions)
    return replace(_with(seen, its, other), second_own=True)


def _with(seen: Seen, view: View, other: Model) -> Seen:
    drawn, _ = drawn_at_once(view, tuple(seen.tiles), running=True)
    tiles = dict(seen.tiles)
    for name, drawable in drawn.items():
        tiles[f"{name}:b"] = drawable
        tiles[f"{name}:difference"] = difference(seen.tiles[name], drawable)
    return replace(seen, tiles=tiles, second=other.facts.title)
