"""Several runs: branching off one, going from one to another."""

from __future__ import annotations

from typing import Any

from explorer.ui.runs import VIEW_FIELDS, RunRecord
from explorer.ui.session.looks import Looks
from explorer.ui.session.player import Player
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene


class Branches:
    """The run on show is one of a family."""

    def __init__(self, scene: Scene, runs: RunMaker, looks: Looks, player: Player) -> None:
        self._scene = scene
        self._runs = runs
        self._looks = looks
        self._player = player

    def branch(self, edited: Any = None, edit_name: str = "") -> None:
        """From here on in a run of its own: it is shown, what is chosen next is for it, and the run it leaves stays.

        edited: another x_t to go on with, an array like the one on show, or a Forward: data noised to this time.
        """
        self._player.pause()
        scene, run, step = self._scene, self._scene.run, self._scene.state.step
        if run is None or not scene.can_branch:
            scene.failed.emit("Only a run can be branched: play one first.")
        elif edited is not None and run.edited is not None and run.first_own == step == run.made - 1:
            self._edit_again(run, edited, edit_name)
        else:
            self._runs.branch_off(step, step, edited, edit_name)

    def show_run(self, number: int, step: int | None = None) -> None:
        """Show another run, with the choices it was made with. step: None for the one at the time on show."""
        scene = self._scene
        run = scene.family.get(number)
        if run is None or not run.made:
            return
        self._player.pause()
        if step is None:
            step = run.step_at(scene.state.t)
        step = min(max(step, 0), run.made - 1)
        if run is not scene.run:
            self._take_the_place(run)
        scene.show_step(step)
        scene.runChanged.emit()
        self._looks.look()

    def show_neighbour(self, offset: int) -> None:
        """The next or the previous run."""
        run, numbers = self._scene.run, [run.number for run in self._scene.family]
        if run is not None and run.number in numbers:
            place = min(max(numbers.index(run.number) + offset, 0), len(numbers) - 1)
            self.show_run(numbers[place])

    def forget_runs(self) -> None:
        """All but the one on show."""
        for run in list(self._scene.family):
            if run is not self._scene.run:
                self._scene.family.forget(run.number)
        self._scene.runChanged.emit()

    def _edit_again(self, run: RunRecord, edited: Any, edit_name: str) -> None:
        """A further edit where a branch begins and has not gone on: still the same branch."""
        names = [name for name in run.edit_name.split(", ") if name != edit_name]
        run.edited, run.edit_name, run.begun = edited, ", ".join([*names, edit_name]), False
        self._scene.runChanged.emit()
        self._looks.look()

    def _take_the_place(self, run: RunRecord) -> None:
        """Of the run on show."""
        scene = self._scene
        if scene.run is not None:
            if run.number == scene.compared:
                scene.compared = scene.run.number  # A and B change places
            self._runs.leave(scene.run)
        scene.run = run
        run.changed = False
        view = {name: getattr(scene.state, name) for name in VIEW_FIELDS}
        scene.state = run.choices.with_changes(**view)
        scene.show_filmstrip()
