"""What happens when the user does something: the one place that turns choices into requests.

A Session asks (`asking.py`), plays (`playing.py`), takes the answers (`answers.py`), and here follows what is opened
and chosen.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal

from explorer.facts import ModelError, ModelFacts, ProposedSampler
from explorer.request import ByHand, ModelRef, Open, ScheduleChoice
from explorer.state import DEFAULT_POINTS, ChoiceError, State, first_lenses, resolve_look, with_parameter
from explorer.ui import trust
from explorer.ui.answers import Answers
from explorer.ui.asking import StartingCloud
from explorer.ui.keeping import SESSION_ENDING

NEEDS_NEW_RUN = {"sampler", "steps", "sampler_seed", "count", "schedule"}
GUIDANCE = {
    "label",
    "prompt",
    "negative_prompt",
    "guidance_scale",
    "guidance_kind",
    "guidance_interval",
    "guidance_rescale",
}
TEXT_GUIDANCE = 7.5
"""What text-to-picture pipelines of diffusers begin with."""
LIVE = {*GUIDANCE, "parameters"}


class Session(Answers):
    """The user's side of it all: a model is opened, a choice is changed."""

    consentWanted = Signal(object, object)
    """ModelFacts, device: the model is a program that nobody has agreed to run."""

    def open(self, path: str, device: str | None = None) -> None:
        """Open a model, on another device if one is named.

        What is open stays until the new one is ready, and for good if it cannot be opened.
        """
        if path.lower().endswith(SESSION_ENDING):
            self.open_session(path)
            return
        from explorer.formats import registry  # the formats are read once the window is painted

        try:
            facts = registry.inspect(path)
        except ModelError as error:
            self.failed.emit(str(error))
            return
        if self.engine_failure:
            self.failed.emit(self.engine_failure)
            return
        if facts.program and not trust.may_run(facts):
            self.consentWanted.emit(facts, device)
            return
        self.pause()
        state = self._first_state(facts).with_changes(device=device or self.state.device)
        self._opening = (facts, state)
        self.openingBegan.emit()
        self.progressed.emit("Reading the weights…" if self._ready else "Loading PyTorch…")
        self._runner.submit(Open(ModelRef(facts.path, state.device)))
        self._update_busy()

    def change(self, **changes: Any) -> None:
        """Set fields of the state and show what follows from it."""
        if "device" in changes and self.state.model is not None:
            self.open(self.state.model, changes.pop("device"))
        if "schedule" in changes:
            self.set_schedule(changes.pop("schedule"))
        self._change(**changes)

    def set_schedule(self, choice: ScheduleChoice) -> None:
        """Go by another noise schedule. What is on show stays until it has turned out to be one."""
        if self.facts is not None and choice != self.state.schedule:
            self._tabulate(choice)

    def _go_by(self, choice: ScheduleChoice) -> None:
        self._change(schedule=choice)

    def _change(self, **changes: Any) -> None:
        before = self.state
        self.state = before.with_changes(**changes)
        if self.state == before:
            return
        self.advice = ""
        changed = {name for name in changes if getattr(before, name) != getattr(self.state, name)}
        if "sampler" in changed and (spec := self._samplers.get(self.state.sampler)):
            kept = {p.name: p.choices for p in spec.parameters}
            parameters = {n: v for n, v in self.state.parameters.items() if not kept.get(n) or v in kept[n]}
            self.state = self.state.with_changes(
                steps=min(spec.default_steps, self._max_steps()), parameters=parameters
            )
        self.stateChanged.emit()
        if self.state.source == "reverse":
            self._change_in_reverse(changed)
        else:
            self._forget_run(changed)
            self._look(film=bool(changed & {"source", "sample", "noise_seed", "picture", "schedule"}))

    def set_parameter(self, name: str, value: Any) -> None:
        """Set one parameter of the sampler."""
        self.change(parameters=with_parameter(self.state.parameters, name, value, self._latest_times()))

    def set_up(self, choices: Mapping[str, Any], start: StartingCloud | None, sentence: str) -> None:
        """Choose all this at once, and play a new run of it. sentence: what to look at, for the status line."""
        if self.facts is None:
            return
        self.pause()
        self.start, self.advice = start, sentence
        self.state = self.state.with_changes(**choices, source="reverse")
        self.stateChanged.emit()
        self._set_playing(self._begin(playing=True, afresh=True))
        self.progressed.emit(sentence)

    def start_from(self, start: StartingCloud | None, sentence: str) -> None:
        """Begin a run from other places, None for the prior; it plays on where one was playing."""
        if self.facts is None:
            return
        playing = self._playing
        self.pause()
        self.start, self.advice = start, sentence
        self.state = self.state.with_changes(source="reverse")
        self.stateChanged.emit()
        self._set_playing(self._begin(playing, afresh=True) and playing)
        self.progressed.emit(sentence)

    def use_picture(self, path: str) -> None:
        """Look at a picture of the user's own as x₀. What is on show, a run included, stays until that has worked."""
        if self.facts is None:
            return
        self.pause()
        state = self.state.with_changes(picture=path, source="forward", count=1)
        try:
            request = resolve_look(state, self.facts)
        except ChoiceError as error:
            self.failed.emit(str(error))
            return
        self._trial = (self._runner.submit(request), state)

    def run_with(self, **changes: Any) -> None:
        """Make these choices, all of them as they are given, and play a run with them from its beginning."""
        if self.facts is None:
            return
        self.pause()
        self.state = self.state.with_changes(source="reverse", **changes)
        self.stateChanged.emit()
        self._set_playing(self._start_run())

    def run_to(self, step: int) -> None:
        """Make a run with the present choices from its beginning up to a step, and stay there."""
        if self.facts is None:
            return
        self.pause()
        self.state = self.state.with_changes(source="reverse", step=0)
        self.stateChanged.emit()
        self._start_run(until=step)

    def redraw_noise(self) -> None:
        """A new seed: of ε in a forward view, of the whole run in a reverse one."""
        seed = random.randrange(10_000)
        if self.state.source == "forward":
            self.change(noise_seed=seed)
        else:
            self.change(sampler_seed=seed)

    def cancel(self) -> None:
        """Stop whatever goes on; a model that is being opened is not waited for, and what was open stays."""
        self.pause()
        self.stop_saving()
        if self._opening is None:
            return
        self._opening = None
        self._runner.cancel_opening()
        self.progressed.emit("")
        self.openingEnded.emit()
        if self.facts is not None:
            self._look(film=True)
        self._update_busy()

    def close(self) -> None:
        self._replay.stop()
        self._runner.close()

    def _change_in_reverse(self, changed: set[str]) -> None:
        if "source" in changed:
            self.pause()
            self._start_run(until=0)
        elif changed & NEEDS_NEW_RUN:
            playing = self._playing
            self.pause()
            # A branch shares its steps, and so the number of samples.
            started = self._begin(playing, afresh=bool(changed & {"count", "schedule"}))
            self._set_playing(playing and started)
        elif changed & LIVE and self.run is not None:
            self.run.changed = True
            if self._playing and not self._replay.isActive():
                self._continue_run(self.run.made - 1)
            elif self.state.step == 0 and not self._playing and self.run.parent is None:
                self._start_run(until=0)
            elif changed & GUIDANCE and not self._playing:
                # What is on show was said under another condition: ask again, and go on from here.
                self._continue_run(self.state.step, until=self.state.step)
        elif changed & {"lenses", "step", "by_hand", "partner"}:
            self._look()

    def _forget_run(self, changed: set[str]) -> None:
        if "source" in changed:
            self.pause()
            if self.run is not None:
                self._leave(self.run)
            self.run = None
            self.filmCleared.emit()
            self.runChanged.emit()

    def _first_state(self, facts: ModelFacts) -> State:
        """Sensible first choices for a model; what the user chose for the same model before is kept."""
        if self.facts is not None and facts.path == self.facts.path:
            label = self.state.label
            known = label is None or label < len(facts.labels(self.state.guidance_kind))
            t = min(self.state.t, facts.T)
            return self.state.with_changes(source="forward", step=0, t=t, label=label if known else None)
        latent = facts.family == "chain"
        proposed = facts.proposed or ProposedSampler("ancestral" if latent else "ddim", min(50, facts.T))
        return self.state.with_changes(
            model=facts.path,
            lenses=first_lenses(self.state.lenses, facts),
            source="forward",
            t=max(round(0.4 * facts.T), 1 if latent else 0),
            sample=0,
            count=1 if facts.on_grid else min(DEFAULT_POINTS, max(facts.sample_count, 1)),
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

    def _max_steps(self) -> int:
        return self.facts.T if self.facts is not None else 1000


def is_picture(path: str) -> bool:
    """True for a file that is to be looked at rather than opened as a model."""
    return Path(path).suffix.lower() in {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
