"""The open model with all that hangs on it: the schedules it is wanted on, its runs, the model beside it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch

from explorer.engine.chains import Chains
from explorer.engine.compare import beside_model, beside_own_run
from explorer.engine.device import choose
from explorer.engine.frame import Frame, Progress, Seen
from explorer.engine.own_run import OwnRun
from explorer.engine.runs import MEMORY_BUDGET, Runs
from explorer.engine.schedules import put_on, rescheduled
from explorer.engine.trajectory import Trajectory
from explorer.facts import ModelError, check_comparable
from explorer.formats.model import LatentModel, Model
from explorer.formats.registry import inspect, load, load_any
from explorer.lenses.base import View
from explorer.request import Guidance, ModelRef, ScheduleChoice

KEPT_SCHEDULES = 8
"""Of those that runs on show side by side go by."""


class Workbench:
    """One model at a time; when another is opened, all that belongs to the one before is gone."""

    def __init__(self, memory_budget: int = MEMORY_BUDGET) -> None:
        self.runs = Runs(memory_budget)
        self.chains = Chains()
        """What is known of the open model where it is a latent chain."""
        self._ref: ModelRef | None = None
        self._model: Model | LatentModel | None = None
        self._rescheduled: dict[ScheduleChoice, Model] = {}
        """The open model on the schedules it was lately wanted on."""
        self._second: tuple[ModelRef, Model] | None = None
        self._own = OwnRun()
        """Of the second model."""

    def loaded(self, ref: ModelRef, again: bool = False) -> Model | LatentModel:
        """The model of a reference, read if it is not the open one or `again` is asked for.

        The open one stays where reading fails. Raises ModelError.
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

    def forget_unknown(self, choice: ScheduleChoice) -> None:
        """Read what is chosen by a path anew when it is next wanted, as it may have changed; where it is known when it
        last did, one read before stays, and so do the runs on it."""
        if choice.path and not choice.changed:
            self._rescheduled.pop(choice, None)

    def model_of(self, run: Trajectory) -> Model:
        """The model on the schedule that a run goes by."""
        return self.model(run.request.model)

    def beside_second(
        self, seen: Seen, view: View, ref: ModelRef | None, guidance: Guidance, run: Trajectory | None = None
    ) -> Generator[Frame, None, Seen]:
        """With the tiles of a second model, which is kept as long as the first is open.

        run: the first model's, where the second is to make one of its own beside it. Raises ModelError where it cannot
        be read, or not be compared.
        """
        if ref is None:
            return seen
        if self._second is None or self._second[0] != ref:
            yield Progress("Reading the weights of the second model…")
            overrides = dict(ref.overrides)
            check_comparable(view.facts, inspect(ref.path, overrides))
            with torch.inference_mode(False):
                self._second = (ref, load(ref.path, choose(ref.device), overrides))
            self._own = OwnRun()
            yield Progress("")
        other = self._second[1]
        check_comparable(view.facts, other.facts, guidance.label)
        other = put_on(other, view.denoiser.schedule)
        if run is None:
            return beside_model(seen, view, other, guidance)
        step, own = yield from self._own.at(other, run, seen.step)
        return beside_own_run(seen, view, other, guidance, step, own)
