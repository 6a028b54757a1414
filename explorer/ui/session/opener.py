"""Opening a model, or a saved session. What is open stays until the new one is ready, and for good if it cannot be."""

from __future__ import annotations

from functools import partial
from typing import Literal

from explorer.engine.frame import Opened, Ready, Restored
from explorer.facts import ModelFacts, ProposedSampler
from explorer.request import ByHand, ModelRef, Open, OpenSession, Request, ScheduleChoice
from explorer.state import DEFAULT_POINTS, State, first_lenses
from explorer.ui import trust
from explorer.ui.runner import Runner
from explorer.ui.runs import RunRecord
from explorer.ui.session.keeper import SESSION_ENDING
from explorer.ui.session.looks import Looks
from explorer.ui.session.player import Player
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene
from explorer.ui.session.schedules import Schedules

TEXT_GUIDANCE = 7.5
"""What text-to-picture pipelines of diffusers begin with."""


class Opener:
    """Asks for what is to be opened, and puts it on show."""

    def __init__(
        self, scene: Scene, runner: Runner, runs: RunMaker, looks: Looks, player: Player, schedules: Schedules
    ) -> None:
        self._scene = scene
        self._runner = runner
        self._runs = runs
        self._looks = looks
        self._player = player
        self._schedules = schedules

    def open(self, path: str, device: str | None = None) -> None:
        """Open a model, on another device if one is named; or a session."""
        if path.lower().endswith(SESSION_ENDING):
            self.open_session(path)
            return
        scene = self._scene
        scene.inquiry.ask("open", partial(_inspected, path), partial(self._go_on, device), self._no_model)

    def _go_on(self, device: str | None, found: tuple[ModelFacts, bool]) -> None:
        """It is known what is to be opened, and whether it may run."""
        scene, (facts, allowed) = self._scene, found
        if scene.engine_failure:
            self._no_model(scene.engine_failure)
        elif not allowed:
            scene.consentWanted.emit(facts, device)
        else:
            state = self._first_state(facts).with_changes(device=device or scene.state.device)
            self._ask(Open(ModelRef(facts.path, state.device)), state, "Reading the weights…")
            scene.inspected.emit(facts)

    def _no_model(self, sentence: str) -> None:
        self._scene.failed.emit(sentence)

    def open_session(self, path: str) -> None:
        """Open what was saved."""
        self._scene.inquiry.cancel("open")
        if self._scene.engine_failure:
            self._scene.failed.emit(self._scene.engine_failure)
        else:
            self._ask(OpenSession(path), self._scene.state, "Reading the session…")

    def cancel(self) -> None:
        """What is being opened is not waited for."""
        scene = self._scene
        looking = scene.inquiry.cancel("open")
        if scene.opening is None:
            if looking:
                scene.openingEnded.emit()
            return
        scene.opening = None
        self._runner.cancel_opening()
        scene.progressed.emit("")
        scene.readingChanged.emit(None)
        scene.openingEnded.emit()
        if scene.facts is not None:
            self._looks.look(film=True)

    def _ask(self, request: Request, state: State, sentence: str) -> None:
        """state: what is chosen once it is open."""
        scene = self._scene
        self._player.pause()
        scene.opening = state
        scene.openingBegan.emit()
        scene.progressed.emit(sentence if scene.ready else "Loading PyTorch…")
        self._runner.submit(request)

    # What the engine says

    def take_ready(self, ready: Ready) -> None:
        """The engine has started; what is to be opened can now be read."""
        self._scene.ready = ready
        self._scene.engineReady.emit(ready)
        if self._scene.opening is not None:
            self._scene.progressed.emit("Reading the weights…")

    def take_model(self, frame: Opened) -> None:
        """The model that was asked for is open."""
        scene = self._scene
        assert scene.opening is not None
        scene.state = scene.opening
        self._forget_model_before(frame.facts)
        scene.filmCleared.emit()
        scene.opened.emit(frame)
        scene.runChanged.emit()
        scene.stateChanged.emit()
        scene.expect_first_picture()
        scene.progressed.emit("Computing the first picture…")
        if scene.playing:
            return  # whoever heard that it is open has set up a run, which shows itself
        if scene.state.source == "reverse":
            self._runs.start(until=0)
        else:
            self._looks.look(film=True)

    def take_session(self, frame: Restored) -> None:
        """The saved session that was asked for is open, its runs among what the engine holds."""
        scene, facts = self._scene, frame.opened.facts
        self._forget_model_before(facts)
        self._runs.adopt(_records(frame))
        scene.run = scene.family.get(frame.shown) if frame.state.source == "reverse" else None
        state = frame.state.with_changes(model=facts.path)
        if scene.run is None:
            scene.state = state.with_changes(source="forward", step=0, t=min(max(state.t, 0), facts.T))
        else:
            step = min(max(state.step, 0), scene.run.made - 1)
            scene.state = state.with_changes(step=step, t=scene.run.times[step])
        scene.opened.emit(frame.opened)
        scene.show_filmstrip()
        scene.runChanged.emit()
        scene.stateChanged.emit()
        scene.expect_first_picture()
        self._looks.look(film=True)

    def give_up(self) -> None:
        """It could not be opened."""
        self._scene.opening = None
        self._scene.progressed.emit("")
        self._scene.readingChanged.emit(None)
        self._scene.openingEnded.emit()

    def _forget_model_before(self, facts: ModelFacts) -> None:
        self._scene.readingChanged.emit(None)
        self._scene.set_model(facts)
        self._runs.forget()
        self._schedules.forget()

    def _first_state(self, facts: ModelFacts) -> State:
        """Sensible first choices for a model; what the user chose for the same model before is kept."""
        scene, before = self._scene, self._scene.state
        same = scene.facts is not None and facts.path == scene.facts.path
        if scene.facts is not None and same and facts.on_grid == scene.facts.on_grid:
            return state_again(before, scene.facts, facts)
        return first_state(before, facts)


def _inspected(path: str) -> tuple[ModelFacts, bool]:
    """What is at a path, and whether it may be opened without a question. Raises ModelError."""
    from explorer.formats import registry  # the formats are read once the window is painted

    facts = registry.inspect(path)
    return facts, not facts.program or trust.may_run(facts)


def _first_source(facts: ModelFacts) -> Literal["forward", "reverse"]:
    """Without data there is nothing to add noise to: such a model is first seen where its sampler begins."""
    return "forward" if facts.sample_count or facts.family == "chain" else "reverse"


def state_again(before: State, known: ModelFacts, facts: ModelFacts) -> State:
    """What was chosen about a model when it was `known` otherwise, as far as it can still be chosen."""
    label = before.label
    there = label is None or label < len(facts.labels(before.guidance_kind))
    # An autoencoder may have come, and with it what shows its pictures.
    lenses = before.lenses if facts.kind == known.kind else first_lenses(before.lenses, facts)
    return before.with_changes(
        source="forward" if before.picture is not None else _first_source(facts),
        step=0,
        t=min(before.t, facts.T),
        label=label if there else None,
        lenses=lenses,
    )


def first_state(before: State, facts: ModelFacts) -> State:
    """Sensible first choices for a model; what is no choice about a model stays as it was."""
    latent = facts.family == "chain"
    proposed = facts.proposed or ProposedSampler("ancestral" if latent else "ddim", min(50, facts.T))
    return before.with_changes(
        model=facts.path,
        lenses=first_lenses(before.lenses, facts),
        source=_first_source(facts),
        t=max(round(0.4 * facts.T), 1 if latent else 0),
        sample=0,
        count=1 if facts.on_grid else min(DEFAULT_POINTS, facts.sample_count or DEFAULT_POINTS),
        picture=None,
        label=None,
        prompt="",
        negative_prompt="",
        guidance_scale=TEXT_GUIDANCE if facts.prompted else 2.0 if facts.guidable else 1.0,
        guidance_kind="classifier" if facts.classifier and not facts.conditional else "classifier-free",
        guidance_interval=None,
        guidance_rescale=0.0,
        schedule=ScheduleChoice(),
        sampler=proposed.sampler,
        steps=proposed.steps,
        parameters=dict(proposed.parameters),
        step=0,
        by_hand=ByHand(),
    )


def _records(frame: Restored) -> list[RunRecord]:
    records = []
    for run in frame.runs:
        finished = len(run.scalars) == len(run.times)
        record = RunRecord(run.number, run.choices, run.times, list(run.scalars), True, finished)
        record.parent, record.edit_name = run.parent, run.edit_name
        record.edited = run.edited
        record.thumbnails = dict(run.thumbnails)
        records.append(record)
    return records
