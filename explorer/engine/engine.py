"""The engine: a Request becomes a stream of Frames.

It holds the open model and the recorded runs, and nothing of the window. Answers are generators, so a caller
can stop, interleave or drop them between two steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import Step
from explorer.diffusion.threshold import Limit
from explorer.engine.bound import bound
from explorer.engine.chain_runs import ANCESTRAL
from explorer.engine.chains import Chains
from explorer.engine.compare import beside, beside_model
from explorer.engine.continuous import measure_continuous
from explorer.engine.device import NUMBERS_HELD, available, check_memory, choose, set_threads
from explorer.engine.drawing import drawn_at_once, drawn_in_stages, latent_lens_spec, lens_spec
from explorer.engine.finite import check_finite
from explorer.engine.forms import conversions, measure_forms
from explorer.engine.frame import (
    FilmStrip,
    Frame,
    Opened,
    Progress,
    Ready,
    Restored,
    RestoredRun,
    SamplerSpec,
    ScheduleTable,
    Seen,
)
from explorer.engine.grid import run_grid
from explorer.engine.guided import exact_answer, guided
from explorer.engine.meter import Meter
from explorer.engine.objectives import match_scores
from explorer.engine.opening import in_background
from explorer.engine.probe import probe
from explorer.engine.runs import MEMORY_BUDGET, Runs, step_of
from explorer.engine.samplers import chosen_sampler, find_sampler, loads_diffusers, sampler_spec, sampler_specs
from explorer.engine.scalars import guidance_size
from explorer.engine.schedules import rescheduled, schedule_specs, table
from explorer.engine.sharing.material import Material
from explorer.engine.sharing.saving import save
from explorer.engine.sharing.session_file import check_fits
from explorer.engine.sharing.session_file import read as read_session
from explorer.engine.sharing.sessions import restore, save_session
from explorer.engine.sources import edited, forward, initial, thumbnail
from explorer.engine.training import Trainer, keep_model, make_draft
from explorer.engine.trajectory import Segment, Trajectory
from explorer.facts import ModelError, check_comparable
from explorer.formats.model import LatentModel, Model
from explorer.formats.registry import inspect, load, load_any
from explorer.lenses.base import View, number
from explorer.lenses.drawable import Drawable
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.lenses.registry import LENSES
from explorer.request import (
    Bound,
    Draft,
    Film,
    Forms,
    Forward,
    Grid,
    Guidance,
    Keep,
    LatentBound,
    Look,
    MeasureContinuous,
    MeasureForms,
    ModelRef,
    Open,
    OpenSession,
    Prepare,
    Probe,
    Replay,
    Request,
    Run,
    Save,
    SaveSession,
    ScheduleChoice,
    ScoreMatching,
    Tabulate,
    Train,
)
from explorer.state import State

KEPT_SCHEDULES = 8
"""Of those that runs on show side by side go by."""


class Engine:
    """Answers requests about one model at a time. Not thread-safe: one worker owns it."""

    def __init__(self, memory_budget: int = MEMORY_BUDGET) -> None:
        set_threads()
        self._ref: ModelRef | None = None
        self._model: Model | LatentModel | None = None
        self.chains = Chains()
        """What is known of the open model where it is a latent chain."""
        self._rescheduled: dict[ScheduleChoice, Model] = {}
        """The open model on the schedules it was lately wanted on."""
        self._second: tuple[ModelRef, Model] | None = None
        self.runs = Runs(memory_budget)
        self._trainer = Trainer()

    def ready(self) -> Ready:
        """What the engine offers."""
        return Ready(
            samplers=sampler_specs(),
            lenses=(*map(lens_spec, LENSES.values()), *map(latent_lens_spec, LATENT_LENSES.values())),
            devices=available(),
            schedules=schedule_specs(),
            chain_samplers=(ANCESTRAL,),
        )

    def sampler(self, name: str) -> SamplerSpec:
        """What `ready` says of a sampler, and of those that it does not list: "diffusers:CLASSNAME".

        Raises ModelError for an unknown name.
        """
        return sampler_spec(find_sampler(name))

    def answer(self, request: Request) -> Iterator[Frame]:
        """The Frames of a request. Exceptions are the caller's to turn into a Failed frame (see errors.py)."""
        if (chain := self._chain_of(request)) is not None:
            yield from self.chains.answer(chain, request)
        elif isinstance(request, Open):
            yield from self._open(request.model)
        elif isinstance(request, Tabulate):
            yield self._tabulate(request.model)
        elif isinstance(request, Look):
            yield from self._look(request)
        elif isinstance(request, Film):
            yield self._film(request)
        elif isinstance(request, ScoreMatching):
            yield from match_scores(self.model(request.model), request)
        elif isinstance(request, Grid):
            yield from self._grid(request)
        elif isinstance(request, Bound):
            yield from bound(self.model(request.model), request)
        elif isinstance(request, Forms):
            yield from self._forms(request.look)
        elif isinstance(request, MeasureForms):
            yield from measure_forms(self.model(request.model), request.samples, request.seed)
        elif isinstance(request, MeasureContinuous):
            yield from measure_continuous(self.model(request.model), request.samples, request.seed)
        elif isinstance(request, Probe):
            yield from probe(self.model(request.model), request)
        elif isinstance(request, Prepare):
            self._prepare(request)
        elif isinstance(request, Save):
            yield from self._save(request)
        elif isinstance(request, SaveSession):
            yield from save_session(self.runs, request)
        elif isinstance(request, OpenSession):
            yield from self._open_session(request.path)
        elif isinstance(request, Draft):
            yield from make_draft(request)
        elif isinstance(request, Train):
            yield from self._trainer.train(self.model(request.model), request)
        elif isinstance(request, Keep):
            yield from keep_model(self.model(request.model), request)
        elif isinstance(request, LatentBound):
            self._refuse_latent_bound(request)
        else:
            yield from self._run(request)

    def _model_of(self, run: Trajectory) -> Model:
        """The model on the schedule that a run goes by."""
        return self.model(run.request.model)

    def trajectory(self, run: int) -> Trajectory:
        """A recorded run. Raises ModelError where it is not kept."""
        return self.runs.get(run)

    def loaded(self, ref: ModelRef, again: bool = False) -> Model | LatentModel:
        """The model of a reference, read if it is not the open one or `again` is asked for.

        The open one stays where reading fails.
        """
        base = replace(ref, schedule=ScheduleChoice())
        if self._model is None or base != self._ref or again:
            with torch.inference_mode(False):  # what is made within it could never be differentiated
                model = load_any(ref.path, choose(ref.device), dict(ref.overrides))
            self._model, self._ref = model, base
            self._rescheduled = {base.schedule: model} if isinstance(model, Model) else {}
            self._second = None
            self.runs.clear()
            self.chains = Chains()
        return self._model

    def model(self, ref: ModelRef, again: bool = False) -> Model:
        """The diffusion model of a reference on its schedule, read as by `loaded`.

        Raises ModelError where it is a latent chain.
        """
        model = self.loaded(ref, again)
        if isinstance(model, LatentModel):
            raise ModelError(f"{model.facts.title} is a chain of latent variables, and this needs a diffusion model.")
        if ref.schedule not in self._rescheduled:
            made = rescheduled(model, ref.schedule)
            while len(self._rescheduled) >= KEPT_SCHEDULES:
                self._rescheduled.pop(next(iter(self._rescheduled)))
            self._rescheduled[ref.schedule] = made
        return self._rescheduled[ref.schedule]

    def _beside_second(
        self, seen: Seen, view: View, ref: ModelRef | None, guidance: Guidance
    ) -> Generator[Frame, None, Seen]:
        """With the tiles of a second model, which is kept as long as the first is open."""
        if ref is None:
            return seen
        if self._second is None or self._second[0] != ref:
            yield Progress("Reading the weights of the second model…")
            overrides = dict(ref.overrides)
            check_comparable(view.facts, inspect(ref.path, overrides))
            with torch.inference_mode(False):
                self._second = (ref, load(ref.path, choose(ref.device), overrides))
            yield Progress("")
        return beside_model(seen, view, self._second[1], guidance)

    def _open(self, ref: ModelRef) -> Iterator[Frame]:
        yield Progress("Reading the weights…")
        model = yield from in_background(lambda: self.loaded(ref, again=True))
        schedule = self._tabulate(ref) if isinstance(model, Model) else None
        yield Opened(model.facts, schedule, str(model.device))

    def _chain_of(self, request: Request) -> LatentModel | None:
        """The latent chain that a request asks about, None where it asks about something else."""
        if isinstance(request, Open | OpenSession | SaveSession | Draft):
            return None
        ref = request.look.model if isinstance(request, Save | Forms) else request.model
        model = self.loaded(ref)
        return model if isinstance(model, LatentModel) else None

    def _open_session(self, path: str) -> Iterator[Frame]:
        yield Progress("Reading the session…")
        session = read_session(path)
        check_fits(session, inspect(session.model.path, dict(session.model.overrides)))
        before, done = dict(vars(self)), False
        self.runs = Runs(self.runs.budget)
        try:
            runs = []
            for frame in itertools.chain(self._open(session.model), restore(self.runs, self.model, session, self._run)):
                if isinstance(frame, Opened):
                    opened = frame
                elif isinstance(frame, RestoredRun):
                    runs.append(frame)
                else:
                    yield frame
            done = True
        finally:
            if not done:
                vars(self).update(before)  # also where somebody has lost patience
        state = State.from_json(session.notes.state)
        yield Restored(opened, state, session.notes.shown, tuple(runs))

    def _tabulate(self, ref: ModelRef) -> ScheduleTable:
        return table(self.model(replace(ref, schedule=ScheduleChoice())), ref.schedule)

    @torch.inference_mode()
    def _look(self, request: Look) -> Iterator[Frame]:
        model = self.model(request.model)
        if isinstance(request.source, Replay):
            yield from self._replay(model, request, request.source)
            return
        if request.source.picture is None:
            check_memory(NUMBERS_HELD * request.source.count * math.prod(model.facts.shape))
        x_0, eps = forward(model, request.source)
        schedule = model.denoiser.schedule
        a, s = schedule.signal(request.t), schedule.noise(request.t)
        x_t = torch.add(x_0 * a, eps, alpha=s)
        meter = Meter(guided(model, request.guidance))
        prediction = meter(x_t, request.t)
        if not prediction.output.is_meta and not bool(torch.isfinite(prediction.output).all()):
            raise ModelError(f"The network returned values that are not finite at t = {request.t}.")
        exact = exact_answer(model, request.guidance)
        clip = request.clip
        limit = None if clip is None else Limit(clip.reach, clip.percentile, clip.most)
        next_t = max(request.t - 1, 0) if request.t > 0 else None
        known = (x_0, eps, model.truth, exact, model.samples)
        decode = None if model.autoencoder is None else model.autoencoder.decode
        view = View(
            model.facts, prediction, meter, *known, limit=limit, next_t=next_t, decode=decode, place=request.place
        )
        quick, slow = drawn_at_once(view, request.lenses)
        sizes = guidance_size(prediction)
        seen = Seen(request.t, quick, a, s, scalars=sizes, more=bool(slow), **meter.readings())
        yield (yield from self._beside_second(seen, view, request.second, request.guidance))
        yield from drawn_in_stages(view, slow)

    def _refuse_latent_bound(self, request: LatentBound) -> None:
        raise ModelError(f"{self.model(request.model).facts.title} is no chain of latent variables.")

    @torch.inference_mode()
    def _forms(self, look: Look) -> Iterator[Frame]:
        source = look.source
        if isinstance(source, Forward):
            model = self.model(look.model)
            schedule = model.denoiser.schedule
            x_0, eps = forward(model, source)
            x_t = torch.add(x_0 * schedule.signal(look.t), eps, alpha=schedule.noise(look.t))
            yield conversions(model, guided(model, look.guidance)(x_t, look.t))
            return
        trajectory = self.runs.get(source.run)
        model = self._model_of(trajectory)
        meter = Meter(guided(model, trajectory.segment(source.step).request.guidance))
        step = yield from step_of(model, trajectory, source.step, meter)
        yield conversions(model, step.prediction)

    def _prepare(self, request: Prepare) -> None:
        model = self.model(request.model)
        if model.prepare is not None:
            model.prepare(torch.zeros(request.count, *model.facts.shape, device=model.device))

    @torch.inference_mode()
    def _save(self, request: Save) -> Iterator[Frame]:
        source = request.look.source
        run = self.runs.get(source.run) if isinstance(source, Replay) else None
        model = self.model(request.look.model) if run is None else self._model_of(run)
        yield from save(Material(model, request.look, run, self._look), request)

    @torch.inference_mode()
    def _film(self, request: Film) -> FilmStrip:
        model = self.model(request.model)
        x_0, eps = forward(model, request.source)
        schedule = model.denoiser.schedule
        strip = [torch.add(x_0 * schedule.signal(t), eps, alpha=schedule.noise(t)) for t in request.times]
        return FilmStrip(request.times, tuple(thumbnail(model, x_t) for x_t in strip))

    def _replay(self, model: Model, request: Look, source: Replay) -> Iterator[Frame]:
        trajectory = self.runs.get(source.run)
        model = self._model_of(trajectory)
        if not 0 <= source.step < trajectory.made:
            raise ModelError(f"Step {source.step} of this run has not been made.")
        meter = Meter(guided(model, trajectory.segment(source.step).request.guidance))
        step = yield from step_of(model, trajectory, source.step, meter)
        self.runs.fit()
        yield from self._seen(model, trajectory, step, request, meter, replayed=True)

    @torch.inference_mode()
    def _run(self, request: Run) -> Iterator[Frame]:
        model = self.model(request.model)
        if loads_diffusers(request.sampler):
            yield Progress("Loading diffusers…")
        sampler, parameters = chosen_sampler(request)
        schedule = model.denoiser.schedule
        meter = Meter(guided(model, request.guidance))
        plan = sampler.plan(schedule, request.steps, parameters)
        size = math.prod(model.facts.shape)
        recorded = min(2 * request.count * len(plan) * size, self.runs.budget // 4) if request.record else 0
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
            step, earlier = yield from self._step_to_go_on_from(model, request)
            x, start = edited(model, request, step), step.index
            # What the model said there still holds, unless the user has since changed what it is asked.
            goes_on = x is step.x and _asks_the_same(earlier.segment(start).request, request)
            trajectory = earlier.continued(request, plan, start, goes_on, sampler.memory, limit)
            history = trajectory.history(start) if goes_on else ()
            x = history[-1].x if history else x
        if request.wanted is not None:
            self.runs.forget_all_but({*request.wanted, request.run})
        self.runs.keep(request.run, trajectory)
        for step in sampler.sample(meter, schedule, x, trajectory.times, noise, parameters, history, start):
            trajectory.record(step)
            self.runs.fit()
            check_finite(step)
            yield from self._seen(model, trajectory, step, request, meter)
            if request.until is not None and step.index >= request.until:
                return

    @torch.inference_mode()
    def _grid(self, request: Grid) -> Iterator[Frame]:
        yield from run_grid(self.model(request.model), request)

    def _step_to_go_on_from(self, model: Model, request: Run) -> Generator[Frame, None, tuple[Step, Trajectory]]:
        """Of the run itself, or of the one it branches off."""
        number, index = request.run, request.start
        if index is None:
            assert request.branch_of is not None
            number, index = request.branch_of
        earlier = self.runs.get(number)
        if not earlier.made:
            raise ModelError("That run has no step to go on from: start it again.")
        if len(earlier.last.x) != request.count:
            raise ModelError("A run goes on with the number of samples it began with: start it again.")
        if earlier.request.model.schedule != request.model.schedule:
            raise ModelError("A run goes on with the noise schedule it began with: start it again.")
        index = min(index, earlier.made - 1)
        meter = Meter(guided(model, earlier.segment(index).request.guidance))
        step = yield from step_of(model, earlier, index, meter)
        return step, earlier

    def _seen(
        self,
        model: Model,
        trajectory: Trajectory,
        step: Step,
        request: Look | Run,
        meter: Meter,
        replayed: bool = False,
    ) -> Iterator[Frame]:
        def view_of(run: Trajectory, step: Step, meter: Meter) -> View:
            exact = exact_answer(self._model_of(run), run.segment(step.index).request.guidance)
            return View(
                model.facts,
                step.prediction,
                meter,
                truth=model.truth,
                exact=exact,
                data=model.samples,
                recorded=lambda: run.positions,
                step=step.index,
                limit=run.segment(step.index).limit,
                next_t=run.next_time(step.index),
                decode=None if model.autoencoder is None else model.autoencoder.decode,
            )

        def draw(run: Trajectory, step: Step, meter: Meter) -> Mapping[str, Drawable]:
            return drawn_at_once(view_of(run, step, meter), request.lenses, running=True)[0]

        index = step.index
        view = view_of(trajectory, step, meter)
        quick, slow = drawn_at_once(view, request.lenses, running=not replayed)
        seen = Seen(
            round(step.t),
            quick,
            number(step.prediction.a),
            number(step.prediction.s),
            run=trajectory.request.run,
            step=index,
            times=trajectory.marks,
            finished=index == len(trajectory.times) - 1,
            replayed=replayed,
            scalars=trajectory.scalars[index if trajectory.request.record else -1],
            thumbnail=thumbnail(model, step.x),
            more=bool(slow),
            **meter.readings(),
        )
        seen = yield from beside(self._model_of, self.runs, seen, trajectory, request.against, draw)
        guidance = trajectory.segment(index).request.guidance
        yield (yield from self._beside_second(seen, view, request.second, guidance))
        yield from drawn_in_stages(view, slow)


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
