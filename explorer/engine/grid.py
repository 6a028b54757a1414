"""A grid of runs, one after the other, of which the end alone is kept.

Each run is that of an ordinary `Run`, bit for bit, but for the look at the model with which that one ends: at t = 0,
where x is x̂₀, the network has nothing more to say of x.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from explorer.axes import PARAMETERS, TITLES
from explorer.diffusion.denoiser import Condition
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import Step
from explorer.diffusion.schedules import Schedule
from explorer.engine.device import NUMBERS_HELD, check_memory
from explorer.engine.errors import sentence
from explorer.engine.finite import check_finite
from explorer.engine.grid_frame import GridCell, GridProgress
from explorer.engine.guided import guided
from explorer.engine.judge import Judge, compared
from explorer.engine.meter import Meter
from explorer.engine.samplers import chosen_sampler, find_sampler
from explorer.engine.sources import initial
from explorer.engine.turn import Turn
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.lenses.base import numpy32
from explorer.request import Grid, Run


@dataclass(frozen=True, eq=False)
class _End:
    """x: the last of a run. calls: of the network, to make it."""

    x: Tensor
    calls: int
    seconds: float


@torch.inference_mode()
def run_grid(model: Model, request: Grid) -> Iterator[GridCell | GridProgress]:
    """Cells in reading order, each when it is done, and again where its quality becomes another one. What goes wrong
    in a cell is said there, and the others go on."""
    judge = Judge(model)
    cells = [(i, k, cell) for i, line in enumerate(request.cells) for k, cell in enumerate(line)]
    works = [cell.steps if isinstance(cell, Run) else 0 for _, _, cell in cells]
    ended: dict[tuple[int, int], tuple[Run, GridCell]] = {}
    for number, (row, column, run) in enumerate(cells):
        if isinstance(run, str):
            yield GridCell(row, column, error=run)
            continue
        if reason := _not_varied(run, request):
            yield GridCell(row, column, error=reason, beside_the_point=True)
            continue
        try:
            steps = _steps(model, run, request)
            while True:
                try:
                    part = next(steps)
                except StopIteration as stop:
                    end: _End = stop.value
                    break
                yield GridProgress(number, len(cells), (sum(works[:number]) + part * works[number]) / sum(works))
            verdict = judge(end.x, run.guidance)
            cell = GridCell(row, column, numpy32(end.x), end.calls, end.seconds)
            if verdict is not None:
                yield GridCell(row, column, cell.x, cell.network_calls, cell.seconds, verdict.quality, verdict.measure)
                continue
        except Exception as error:  # noqa: BLE001 — whatever this run does wrong, the others go on
            yield GridCell(row, column, error=sentence(error))
            continue
        before = {place: known for place, (_, known) in ended.items()}
        ended[row, column] = (run, cell)
        for place, known in compared(ended).items():
            if place not in before or _told(known) != _told(before[place]):
                ended[place] = (ended[place][0], known)
                yield known


def _told(cell: GridCell) -> tuple[float | None, bool]:
    return cell.quality, cell.reference


def _steps(model: Model, run: Run, request: Grid) -> Generator[float, None, _End]:
    """The run, which yields the share of it that is done now and then. Raises ModelError, ValueError."""
    sampler, parameters = chosen_sampler(run)
    schedule = model.denoiser.schedule
    plan = sampler.plan(schedule, run.steps, parameters)
    check_memory((run.first + NUMBERS_HELD * run.count) * math.prod(model.facts.shape))
    noise = NoiseSource(run.seed, run.count, model.facts.shape, model.device, run.first)
    # A run that arrives at t = 0 is at its end; one that stays there goes by what the network says.
    asked = _Asked(Meter(guided(model, run.guidance)), spare=plan[-1] == 0 < max(plan[-2:]))
    x = initial(run, schedule, noise, plan[0])
    steps = sampler.sample(asked, schedule, x, plan, noise, parameters)
    seconds, begin, turn = 0.0, time.perf_counter(), Turn()
    while True:
        step = next(steps)  # a plan has at least one
        check_finite(step)
        if step.index == len(plan) - 1:
            return _End(step.x, asked.calls_for(step), seconds + time.perf_counter() - begin)
        if turn.over():
            seconds += time.perf_counter() - begin
            yield step.index / (len(plan) - 1)
            begin = time.perf_counter()


def _not_varied(run: Run, request: Grid) -> str:
    """One sentence where what the grid varies is nothing to the sampler, so that all its cells would be alike."""
    try:
        sampler = find_sampler(run.sampler)
    except (ModelError, ValueError):
        return ""  # that is said where it is run
    known = {f.name for f in fields(sampler.parameters)}
    missing = [axis for axis in (request.rows, request.columns) if axis.name in PARAMETERS and axis.name not in known]
    return f"{sampler.label} has no {TITLES[missing[0].name].lower()}." if missing else ""


@dataclass(eq=False)
class _Asked:
    """A denoiser that knows which x was asked about last. spare: the network is not asked at t = 0."""

    meter: Meter
    spare: bool
    latest: Tensor | None = None

    @property
    def schedule(self) -> Schedule:
        return self.meter.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        if s == 0 and self.spare:
            return Prediction(x_t, t, a, s, "x0", x_t / a)
        self.latest = x_t
        return self.meter(x_t, t, condition)

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        return self.meter.log_density(x_t, t, condition)

    def calls_for(self, step: Step) -> int:
        """The calls that the x of the last step took: not the look at x itself."""
        return self.meter.calls - (self.latest is step.x)
