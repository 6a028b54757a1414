"""The engine: a Request becomes a stream of Frames.

It holds the open model and the recorded runs (`workbench.py`), and nothing of the window. Answers are generators, so
a caller can stop, interleave or drop them between two steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from explorer.engine import sampling, seeing
from explorer.engine.bound import bound
from explorer.engine.chain_runs import ANCESTRAL
from explorer.engine.chains import Chains
from explorer.engine.continuous import measure_continuous
from explorer.engine.device import available, set_threads
from explorer.engine.drawing import latent_lens_spec, lens_spec
from explorer.engine.forms import measure_forms
from explorer.engine.frame import Frame, Opened, Progress, Ready, Restored, RestoredRun, SamplerSpec, ScheduleTable
from explorer.engine.grid import run_grid
from explorer.engine.objectives import match_scores
from explorer.engine.opening import in_background
from explorer.engine.probe import probe
from explorer.engine.runs import MEMORY_BUDGET, Runs
from explorer.engine.samplers import find_sampler, sampler_spec, sampler_specs
from explorer.engine.schedules import schedule_specs, table
from explorer.engine.sharing.chain_sessions import restore_chain
from explorer.engine.sharing.material import ChainMaterial, Material
from explorer.engine.sharing.saving import save
from explorer.engine.sharing.session_file import SessionFile, check_fits
from explorer.engine.sharing.session_file import read as read_session
from explorer.engine.sharing.sessions import restore, save_session
from explorer.engine.training import Trainer, keep_model, make_draft
from explorer.engine.trajectory import Trajectory
from explorer.engine.workbench import Workbench
from explorer.facts import ModelError
from explorer.formats.model import LatentModel, Model
from explorer.formats.registry import inspect
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.lenses.registry import LENSES
from explorer.request import (
    Bound,
    Draft,
    Film,
    Forms,
    Grid,
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

OfModel = Bound | Grid | Keep | LatentBound | MeasureContinuous | MeasureForms | Prepare | Probe | ScoreMatching | Train
"""What is asked of a diffusion model alone, whatever run is on show."""


class Engine:
    """Answers requests about one model at a time. Not thread-safe: one worker owns it."""

    def __init__(self, memory_budget: int = MEMORY_BUDGET) -> None:
        set_threads()
        self._bench = Workbench(memory_budget)
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

    @property
    def runs(self) -> Runs:
        """The recorded runs of the open model."""
        return self._bench.runs

    @property
    def chains(self) -> Chains:
        """What is known of the open model where it is a latent chain."""
        return self._bench.chains

    def trajectory(self, run: int) -> Trajectory:
        """A recorded run. Raises ModelError where it is not kept."""
        return self.runs.get(run)

    def loaded(self, ref: ModelRef, again: bool = False) -> Model | LatentModel:
        """The model of a reference, read if it is not the open one or `again` is asked for. Raises ModelError."""
        return self._bench.loaded(ref, again)

    def model(self, ref: ModelRef, again: bool = False) -> Model:
        """The diffusion model of a reference on its schedule. Raises ModelError, also where it is a latent chain."""
        return self._bench.model(ref, again)

    def answer(self, request: Request) -> Iterator[Frame]:
        """The Frames of a request. Exceptions are the caller's to turn into a Failed frame (see errors.py)."""
        if (chain := self._chain_of(request)) is not None:
            yield from self._answer_of_chain(chain, request)
            return
        match request:
            case Open():
                yield from self._open(request.model)
            case OpenSession():
                yield from self._open_session(request.path)
            case SaveSession():
                yield from save_session(self.runs, self.chains.runs, request)
            case Draft():
                yield from make_draft(request)
            case Tabulate():
                yield self._tabulate(request.model)
            case Look():
                yield from seeing.look(self._bench, request)
            case Film():
                yield seeing.film(self._bench, request)
            case Forms():
                yield from seeing.forms(self._bench, request.look)
            case Run():
                yield from sampling.run(self._bench, request)
            case Save():
                yield from self._save(request)
            case _:
                yield from self._ask_model(self.model(request.model), request)

    def _ask_model(self, model: Model, request: OfModel) -> Iterator[Frame]:
        match request:
            case Bound():
                yield from bound(model, request)
            case Grid():
                yield from run_grid(model, request)
            case Keep():
                yield from keep_model(model, request)
            case LatentBound():
                raise ModelError(f"{model.facts.title} is no chain of latent variables.")
            case MeasureContinuous():
                yield from measure_continuous(model, request.samples, request.seed)
            case MeasureForms():
                yield from measure_forms(model, request.samples, request.seed)
            case Prepare():
                if model.prepare is not None:
                    model.prepare(torch.zeros(request.count, *model.facts.shape, device=model.device))
            case Probe():
                yield from probe(model, request)
            case ScoreMatching():
                yield from match_scores(model, request)
            case Train():
                yield from self._trainer.train(model, request)

    @torch.inference_mode()
    def _answer_of_chain(self, chain: LatentModel, request: Request) -> Iterator[Frame]:
        if not isinstance(request, Save):
            yield from self.chains.answer(chain, request)
            return
        source = request.look.source
        run = self.chains.runs.get(source.run) if isinstance(source, Replay) else None
        yield from save(ChainMaterial(chain, request.look, run, partial(self.chains.answer, chain)), request)

    def _chain_of(self, request: Request) -> LatentModel | None:
        """The latent chain that a request asks about, None where it asks about something else."""
        if isinstance(request, Open | OpenSession | SaveSession | Draft):
            return None
        ref = request.look.model if isinstance(request, Save | Forms) else request.model
        model = self.loaded(ref)
        return model if isinstance(model, LatentModel) else None

    def _open(self, ref: ModelRef) -> Iterator[Frame]:
        yield Progress("Reading the weights…")
        model = yield from in_background(lambda: self.loaded(ref, again=True))
        schedule = self._tabulate(ref) if isinstance(model, Model) else None
        yield Opened(model.facts, schedule, str(model.device))

    def _open_session(self, path: str) -> Iterator[Frame]:
        yield Progress("Reading the session…")
        session = read_session(path)
        check_fits(session, inspect(session.model.path, dict(session.model.overrides)))
        before, done = self._bench, False
        self._bench = Workbench(before.runs.budget)
        try:
            runs = []
            for frame in itertools.chain(self._open(session.model), self._restore(session)):
                if isinstance(frame, Opened):
                    opened = frame
                elif isinstance(frame, RestoredRun):
                    runs.append(frame)
                else:
                    yield frame
            done = True
        finally:
            if not done:
                self._bench = before  # also where somebody has lost patience
        state = State.from_json(session.notes.state)
        yield Restored(opened, state, session.notes.shown, tuple(runs))

    def _restore(self, session: SessionFile) -> Iterator[Frame]:
        bench, model = self._bench, self.loaded(session.model)
        if isinstance(model, LatentModel):
            yield from restore_chain(bench.chains.runs, model, session)
        else:
            yield from restore(bench.runs, bench.model, session, partial(sampling.run, bench))

    def _tabulate(self, ref: ModelRef) -> ScheduleTable:
        self._bench.forget_unknown(ref.schedule)
        own, schedule = self.model(replace(ref, schedule=ScheduleChoice())), self.model(ref).denoiser.schedule
        return table(own, schedule, ref.schedule)

    @torch.inference_mode()
    def _save(self, request: Save) -> Iterator[Frame]:
        source = request.look.source
        run = self.runs.get(source.run) if isinstance(source, Replay) else None
        model = self.model(request.look.model) if run is None else self._bench.model_of(run)
        yield from save(Material(model, request.look, run, partial(seeing.look, self._bench)), request)
