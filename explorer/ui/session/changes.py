"""What follows from a choice: which of them need a new run, which a running one takes up, which only another look."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from explorer.state import with_parameter
from explorer.ui.session.looks import Looks
from explorer.ui.session.player import Player
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene, StartingCloud

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
LIVE = {*GUIDANCE, "parameters"}
"""Taken up by the step that comes next."""
OF_THE_FILM = {"source", "sample", "noise_seed", "picture", "schedule"}
"""What the filmstrip of a forward view depends on."""
MOST_STEPS = 1000
"""Where no model says how many times there are."""


class Changes:
    """Makes choices, one at a time or several at once."""

    def __init__(self, scene: Scene, runs: RunMaker, looks: Looks, player: Player) -> None:
        self._scene = scene
        self._runs = runs
        self._looks = looks
        self._player = player

    def make(self, **changes: Any) -> None:
        """Set fields of the state, all but the device, and show what follows from it."""
        scene, before = self._scene, self._scene.state
        scene.state = before.with_changes(**changes)
        if scene.state == before:
            return
        scene.advice = ""
        changed = {name for name in changes if getattr(before, name) != getattr(scene.state, name)}
        if "sampler" in changed:
            self._fit_sampler()
        scene.stateChanged.emit()
        if scene.state.source == "reverse":
            self._follow_in_reverse(changed)
        else:
            if "source" in changed:
                self._end_run()
            self._looks.look(film=bool(changed & OF_THE_FILM))

    def set_parameter(self, name: str, value: Any) -> None:
        """Set one parameter of the sampler."""
        self.make(parameters=with_parameter(self._scene.state.parameters, name, value, self._runs.latest_times()))

    def redraw_noise(self) -> None:
        """A new seed: of ε in a forward view, of the whole run in a reverse one."""
        name = "noise_seed" if self._scene.state.source == "forward" else "sampler_seed"
        self.make(**{name: random.randrange(10_000)})

    # Choices that come with a run

    def set_up(self, choices: Mapping[str, Any], start: StartingCloud | None, sentence: str) -> None:
        """Choose all this at once, and play a new run of it. sentence: what to look at, for the status line."""
        if self._scene.facts is None:
            return
        self._player.pause()
        self._announce(start, sentence, **choices)
        self._player.set_playing(self._runs.begin(playing=True, afresh=True))
        self._scene.progressed.emit(sentence)

    def start_from(self, start: StartingCloud | None, sentence: str) -> None:
        """Begin a run from other places, None for the prior; it plays on where one was playing."""
        if self._scene.facts is None:
            return
        playing = self._scene.playing
        self._player.pause()
        self._announce(start, sentence)
        self._player.set_playing(self._runs.begin(playing, afresh=True) and playing)
        self._scene.progressed.emit(sentence)

    def run_with(self, **changes: Any) -> None:
        """Make these choices, all of them as they are given, and play a run with them from its beginning."""
        if self._scene.facts is None:
            return
        self._player.pause()
        self._scene.choose(source="reverse", **changes)
        self._player.set_playing(self._runs.start())

    def run_to(self, step: int) -> None:
        """Make a run with the present choices from its beginning up to a step, and stay there."""
        if self._scene.facts is None:
            return
        self._player.pause()
        self._scene.choose(source="reverse", step=0)
        self._runs.start(until=step)

    def _announce(self, start: StartingCloud | None, sentence: str, **choices: Any) -> None:
        self._scene.start, self._scene.advice = start, sentence
        self._scene.choose(**choices, source="reverse")

    # What follows

    def _fit_sampler(self) -> None:
        """Another sampler: as many steps as it is best with, and those parameters that mean something to it."""
        scene, spec = self._scene, self._scene.sampler(self._scene.state.sampler)
        if spec is None:
            return
        most = scene.facts.T if scene.facts is not None else MOST_STEPS
        choices = {p.name: p.choices for p in spec.parameters}
        kept = {n: v for n, v in scene.state.parameters.items() if not choices.get(n) or v in choices[n]}
        scene.state = scene.state.with_changes(steps=min(spec.default_steps, most), parameters=kept)

    def _follow_in_reverse(self, changed: set[str]) -> None:
        scene, run = self._scene, self._scene.run
        if "source" in changed:
            self._player.pause()
            self._runs.start(until=0)
        elif changed & NEEDS_NEW_RUN:
            playing = scene.playing
            self._player.pause()
            # A branch shares its steps, and so the number of samples.
            started = self._runs.begin(playing, afresh=bool(changed & {"count", "schedule"}))
            self._player.set_playing(playing and started)
        elif changed & LIVE and run is not None:
            run.changed = True
            if scene.playing and not self._player.replaying:
                self._runs.go_on(run.made - 1)
            elif scene.state.step == 0 and not scene.playing and run.parent is None:
                self._runs.start(until=0)
            elif changed & GUIDANCE and not scene.playing:
                # What is on show was said under another condition: ask again, and go on from here.
                self._runs.go_on(scene.state.step, until=scene.state.step)
        elif changed & {"lenses", "step", "by_hand", "partner"}:
            self._looks.look()

    def _end_run(self) -> None:
        """A forward view takes its place."""
        self._player.pause()
        if self._scene.run is not None:
            self._runs.leave(self._scene.run)
        self._scene.run = None
        self._scene.filmCleared.emit()
        self._scene.runChanged.emit()
