"""The engine: a Request becomes a stream of Frames.

It holds the open model and the recorded runs, and nothing of the window. Answers are generators, so a caller
can stop, interleave or drop them between two steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.picture_file import read_picture
from explorer.diffusion.denoiser import Condition, Denoiser, log_density
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import SAMPLERS, Sampler, Step, find
from explorer.diffusion.schedules import Schedule
from explorer.engine.device import available, check_memory, choose, set_threads
from explorer.engine.frame import (
    FilmStrip,
    Frame,
    LensSpec,
    Opened,
    ParameterSpec,
    Progress,
    Ready,
    SamplerSpec,
    ScheduleTable,
    Seen,
)
from explorer.engine.trajectory import Trajectory
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.lenses.base import View, number, numpy32
from explorer.lenses.drawable import Floats
from explorer.lenses.registry import LENSES
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Prepare, Replay, Request, Run

KEPT_RUNS = 4
"""Older runs are forgotten: a long run of many pictures takes hundreds of megabytes."""

THUMBNAIL_POINTS = 1_000

FAR_AWAY = 1e6
"""Where no data are: an x_t beyond it is the sampler's fault, not the network's."""

NUMBERS_HELD = 6
"""Numbers in memory at once for every number of a batch, at least; a recorded step keeps three."""


class Engine:
    """Answers requests about one model at a time. Not thread-safe: one worker owns it."""

    def __init__(self) -> None:
        set_threads()
        self._ref: ModelRef | None = None
        self._model: Model | None = None
        self._runs: dict[int, Trajectory] = {}

    def ready(self) -> Ready:
        """What the engine offers."""
        return Ready(
            samplers=tuple(_sampler_spec(sampler) for sampler in SAMPLERS.values()),
            lenses=tuple(LensSpec(lens.name, lens.label, lens.formula, lens.kinds) for lens in LENSES.values()),
            devices=available(),
        )

    def sampler(self, name: str) -> SamplerSpec:
        """What `ready` says of a sampler, and of those that it does not list: "diffusers:CLASSNAME".

        Raises ModelError for an unknown name.
        """
        return _sampler_spec(_find(name))

    def answer(self, request: Request) -> Iterator[Frame]:
        """The Frames of a request. Exceptions are the caller's to turn into a Failed frame (see errors.py)."""
        if isinstance(request, Open):
            yield from self._open(request.model)
        elif isinstance(request, Look):
            yield self._look(request)
        elif isinstance(request, Film):
            yield self._film(request)
        elif isinstance(request, Prepare):
            self._prepare(request)
        else:
            yield from self._run(request)

    def trajectory(self, run: int) -> Trajectory:
        """A recorded run. Raises ModelError where it is not kept."""
        if run not in self._runs:
            raise ModelError("That run is no longer kept: start it again.")
        return self._runs[run]

    def model(self, ref: ModelRef, again: bool = False) -> Model:
        """The model of a reference, read if it is not the open one or `again` is asked for.

        The open one stays where reading fails.
        """
        if self._model is None or ref != self._ref or again:
            model = load(ref.path, choose(ref.device), dict(ref.overrides))
            self._model, self._ref = model, ref
            self._runs.clear()
        return self._model

    def _open(self, ref: ModelRef) -> Iterator[Frame]:
        yield Progress("Reading the weights…")
        model = self.model(ref, again=True)
        yield Opened(model.facts, _table(model.denoiser.schedule), str(model.device))

    @torch.inference_mode()
    def _look(self, request: Look) -> Seen:
        model = self.model(request.model)
        if isinstance(request.source, Replay):
            return self._replay(model, request, request.source)
        if request.source.picture is None:
            check_memory(NUMBERS_HELD * request.source.count * math.prod(model.facts.shape))
        x_0, eps = _forward(model, request.source)
        schedule = model.denoiser.schedule
        a, s = schedule.signal(request.t), schedule.noise(request.t)
        x_t = torch.add(x_0 * a, eps, alpha=s)
        meter = _Meter(_guided(model, request.guidance))
        prediction = meter(x_t, request.t)
        if not prediction.output.is_meta and not bool(torch.isfinite(prediction.output).all()):
            raise ModelError(f"The network returned values that are not finite at t = {request.t}.")
        exact = _exact(model, request.guidance)
        view = View(model.facts, prediction, meter, x_0, eps, model.truth, exact)
        return Seen(request.t, _draw(view, request.lenses), a, s, **meter.readings())

    def _prepare(self, request: Prepare) -> None:
        model = self.model(request.model)
        if model.prepare is not None:
            model.prepare(torch.zeros(request.count, *model.facts.shape, device=model.device))

    @torch.inference_mode()
    def _film(self, request: Film) -> FilmStrip:
        model = self.model(request.model)
        x_0, eps = _forward(model, request.source)
        schedule = model.denoiser.schedule
        strip = [torch.add(x_0 * schedule.signal(t), eps, alpha=schedule.noise(t)) for t in request.times]
        return FilmStrip(request.times, tuple(_thumbnail(model, x_t) for x_t in strip))

    def _replay(self, model: Model, request: Look, source: Replay) -> Seen:
        trajectory = self.trajectory(source.run)
        if not 0 <= source.step < len(trajectory.steps):
            raise ModelError(f"Step {source.step} of this run has not been made.")
        meter = _Meter(_guided(model, trajectory.request.guidance))
        return self._seen(model, trajectory, source.step, request.lenses, meter, replayed=True)

    @torch.inference_mode()
    def _run(self, request: Run) -> Iterator[Frame]:
        model = self.model(request.model)
        sampler, parameters = _sampler(request)
        schedule = model.denoiser.schedule
        meter = _Meter(_guided(model, request.guidance))
        plan = sampler.plan(schedule, request.steps, parameters)
        held = request.first + request.count * (3 * len(plan) if request.record else NUMBERS_HELD)
        check_memory(held * math.prod(model.facts.shape))
        noise = NoiseSource(request.seed, request.count, model.facts.shape, model.device, request.first)
        if request.start is None:
            trajectory = Trajectory(request, tuple(plan), [])
            x, start = _initial(request, schedule, noise, plan[0]), 0
            history: tuple[Step, ...] = ()
        else:
            earlier = self.trajectory(request.run)
            if not earlier.steps:
                raise ModelError("That run has no step to go on from: start it again.")
            if len(earlier.steps[-1].x) != request.count:
                raise ModelError("A run goes on with the number of samples it began with: start it again.")
            trajectory = earlier.continued(request, plan)
            step = trajectory.steps[-1]
            # What the model said there still holds, unless the user has since changed what it is asked.
            history = tuple(trajectory.steps) if _asks_the_same(earlier.request, request) else ()
            x, start = step.x, step.index
        self._keep(request.run, trajectory)
        for step in sampler.sample(meter, schedule, x, trajectory.times, noise, parameters, history, start):
            trajectory.record(step)
            _check_finite(step)
            yield self._seen(model, trajectory, step.index, request.lenses, meter)
            if request.until is not None and step.index >= request.until:
                return

    def _keep(self, run: int, trajectory: Trajectory) -> None:
        self._runs.pop(run, None)
        while len(self._runs) >= KEPT_RUNS:
            self._runs.pop(next(iter(self._runs)))
        self._runs[run] = trajectory

    def _seen(
        self,
        model: Model,
        trajectory: Trajectory,
        index: int,
        lenses: tuple[str, ...],
        meter: _Meter,
        replayed: bool = False,
    ) -> Seen:
        step = trajectory.steps[index if trajectory.request.record else -1]
        exact = _exact(model, trajectory.request.guidance)
        view = View(model.facts, step.prediction, meter, truth=model.truth, exact=exact)
        return Seen(
            round(step.t),
            _draw(view, lenses),
            number(step.prediction.a),
            number(step.prediction.s),
            run=trajectory.request.run,
            step=index,
            times=trajectory.marks,
            finished=index == len(trajectory.times) - 1,
            replayed=replayed,
            scalars=trajectory.scalars[index if trajectory.request.record else -1],
            thumbnail=_thumbnail(model, step.x),
            **meter.readings(),
        )


@dataclass(eq=False)
class _Meter:
    """A denoiser that counts its calls and their time."""

    denoiser: Denoiser
    seconds: float = 0.0
    calls: int = 0

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        begin = time.perf_counter()
        prediction = self.denoiser(x_t, t, condition)
        self.seconds += time.perf_counter() - begin
        self.calls += 1
        return prediction

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """The denoiser's own. Raises ValueError where it has none."""
        return log_density(self.denoiser, x_t, t, condition)

    def readings(self) -> dict[str, Any]:
        """Since the last reading, as fields of Seen."""
        values = {"network_seconds": self.seconds, "network_calls": self.calls}
        self.seconds, self.calls = 0.0, 0
        return values


def _guided(model: Model, guidance: Guidance) -> Denoiser:
    return _with_guidance(model.denoiser, guidance, model.device)


def _exact(model: Model, guidance: Guidance) -> Denoiser | None:
    """What a perfect network would say, asked and guided alike."""
    if model.truth is None:
        return None
    return _with_guidance(MixtureDenoiser(model.truth, model.denoiser.schedule), guidance, model.device)


def _with_guidance(denoiser: Denoiser, guidance: Guidance, device: torch.device) -> Denoiser:
    if guidance.label is None:
        return denoiser
    return ClassifierFreeGuidance(denoiser, torch.tensor([guidance.label], device=device), guidance.scale)


def _forward(model: Model, source: Forward) -> tuple[Tensor, Tensor]:
    """The true x_0 and ε of a forward view, (count, *shape) each, on the model's device."""
    if source.picture is not None:
        x_0 = read_picture(source.picture, model.facts.shape, model.facts.value_range)[None]
    else:
        if not len(model.samples):
            raise ModelError("This model comes without samples: open or drop a picture to look at it.")
        indices = np.arange(source.first, source.first + source.count) % len(model.samples)
        x_0 = model.samples[indices]
    noise = NoiseSource(source.noise_seed, len(x_0), model.facts.shape, model.device)
    return torch.from_numpy(x_0).to(model.device), noise(0, Stream.FORWARD)


def _thumbnail(model: Model, x_t: Tensor) -> Floats:
    return numpy32(x_t[0] if model.facts.kind == "image" else x_t[:THUMBNAIL_POINTS])


def _initial(request: Run, schedule: Schedule, noise: NoiseSource, t: float) -> Tensor:
    if request.initial is None:
        return noise(0, Stream.INITIAL) * schedule.prior_std(t)
    expected = (noise.n, *noise.shape)
    if request.initial.shape != expected:
        raise ModelError(f"x_T must have the shape {expected} for this model, not {request.initial.shape}.")
    return torch.from_numpy(np.ascontiguousarray(request.initial, np.float32)).to(noise.device)


def _draw(view: View, names: tuple[str, ...]) -> dict[str, Any]:
    unknown = [name for name in names if name not in LENSES]
    if unknown:
        raise ModelError(f"There is no lens called “{unknown[0]}”; known are {', '.join(LENSES)}.")
    return {name: LENSES[name].draw(view) for name in names if view.facts.kind in LENSES[name].kinds}


def _find(name: str) -> Sampler[Any]:
    try:
        return find(name)
    except ValueError as error:
        message = str(error)
        raise ModelError(f"{message[0].upper()}{message[1:]}.") from error


def _sampler(request: Run) -> tuple[Sampler[Any], Any]:
    """The sampler and its typed parameters. Parameters that it does not have are left out."""
    sampler = _find(request.sampler)
    known = {f.name: f for f in fields(sampler.parameters)}
    values = {}
    for name, value in request.parameters.items():
        if name not in known:
            continue
        _check_parameter(known[name], value)
        values[name] = value
    return sampler, sampler.parameters(**values)


def _check_parameter(known: Field[Any], value: Any) -> None:
    """Raises ModelError for a value of the wrong type. Numbers outside the panel's range are for the brave."""
    choices, default = known.metadata["choices"], known.default
    if choices:
        if value not in choices:
            raise ModelError(f"{known.name} cannot be “{value}”; it is one of {', '.join(choices)}.")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ModelError(f"{known.name} is true or false, not “{value}”.")
    elif isinstance(default, str):
        if not isinstance(value, str):
            raise ModelError(f"{known.name} is a text, not “{value}”.")
    else:
        numbers = (int,) if isinstance(default, int) else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers) or not abs(value) <= 1e300:
            raise ModelError(f"{known.name} is a number, not “{value}”.")


def _asks_the_same(earlier: Run, request: Run) -> bool:
    """True where what the model said in the earlier run, x̂₀ clipped or not, is what it would say now."""
    same_clip = all(earlier.parameters.get(n) == request.parameters.get(n) for n in ("clip", "clip_range"))
    return earlier.guidance == request.guidance and earlier.sampler == request.sampler and same_clip


def _check_finite(step: Step) -> None:
    if step.x.is_meta or bool(torch.isfinite(step.x).all() and torch.isfinite(step.x0).all()):
        return
    where = f"step {step.index} (t = {step.t:g})"
    if not float(step.x.abs().max()) <= FAR_AWAY:
        raise ModelError(f"The run left the finite numbers at {where}: try smaller steps.")
    raise ModelError(f"The network returned values that are not finite at {where}.")


def _sampler_spec(sampler: Sampler[Any]) -> SamplerSpec:
    parameters = []
    for f in fields(sampler.parameters):
        assert f.default is not MISSING, f"{sampler.name}: the parameter {f.name} needs a default"
        meta = f.metadata
        parameters.append(
            ParameterSpec(
                f.name, meta["label"], meta["help"], f.default, meta["minimum"], meta["maximum"], meta["choices"]
            )
        )
    return SamplerSpec(
        sampler.name,
        sampler.label,
        sampler.summary,
        sampler.steps_label,
        sampler.default_steps,
        sampler.levels,
        tuple(parameters),
    )


def _table(schedule: Schedule) -> ScheduleTable:
    t = torch.arange(schedule.T + 1)
    betas = schedule.betas
    return ScheduleTable(
        t.double().numpy(),
        schedule.signal(t).numpy(),
        schedule.noise(t).numpy(),
        schedule.log_snr(t).numpy(),
        None if betas is None else np.concatenate([[0.0], betas.numpy()]),
    )
