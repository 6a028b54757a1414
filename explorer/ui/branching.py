"""Several runs: branching off one, going from one to another."""

from __future__ import annotations

from typing import Any

from explorer.facts import ModelError, check_comparable
from explorer.state import ChoiceError
from explorer.ui.playing import Playing
from explorer.ui.runs import VIEW_FIELDS, RunRecord


class Branching(Playing):
    """The run on show is one of a family."""

    @property
    def can_branch(self) -> bool:
        """True where a step of a run is on show."""
        return self.state.source == "reverse" and self.run is not None and self.run.made > 0

    def branch(self, edited: Any = None, edit_name: str = "") -> None:
        """From here on in a run of its own: it is shown, what is chosen next is for it, and the run it leaves stays.

        edited: another x_t to go on with, an array like the one on show, or a Forward: data noised to this time.
        """
        self.pause()
        if not self.can_branch:
            self.failed.emit("Only a run can be branched: play one first.")
            return
        run, step = self.run, self.state.step
        if edited is not None and run is not None and run.edited is not None and run.first_own == step == run.made - 1:
            self._edit_again(run, edited, edit_name)
        else:
            self._branch_off(step, step, edited, edit_name)

    def _edit_again(self, run: RunRecord, edited: Any, edit_name: str) -> None:
        """A further edit where a branch begins and has not gone on: still the same branch."""
        names = [name for name in run.edit_name.split(", ") if name != edit_name]
        run.edited, run.edit_name, run.begun = edited, ", ".join([*names, edit_name]), False
        self.runChanged.emit()
        self._look()

    def show_run(self, number: int, step: int | None = None) -> None:
        """Show another run, with the choices it was made with. step: None for the one at the time on show."""
        run = self.family.get(number)
        if run is None or not run.made:
            return
        self.pause()
        if step is None:
            step = run.step_at(self.state.t)
        step = min(max(step, 0), run.made - 1)
        if run is not self.run:
            if self.run is not None:
                if number == self.compared:
                    self.compared = self.run.number  # A and B change places
                self._leave(self.run)
            self.run = run
            run.changed = False
            view = {name: getattr(self.state, name) for name in VIEW_FIELDS}
            self.state = run.choices.with_changes(**view)
            self.filmCleared.emit()
            for index, (t, thumbnail) in run.thumbnails.items():
                self.filmFrame.emit(index, t, thumbnail)
        self._show_step(step)
        self.runChanged.emit()
        self._look()

    def compare(self, number: int | None) -> None:
        """Show another run beside the one on show, at the same time; None, or the same one again, ends that."""
        if number is not None and (number == self.compared or (self.run is not None and number == self.run.number)):
            number = None
        if number == self.compared:
            return
        self.compared = number if self.family.get(number) is not None else None
        self._compared_anew()

    def set_compared_lenses(self, names: tuple[str, ...]) -> None:
        """What of the two runs is shown."""
        self.compared_lenses = names
        if self.comparing:
            self._compared_anew()

    def compare_model(self, path: str | None, weights: str = "") -> None:
        """Show another model, or another set of a model's weights, beside the open one; None ends that."""
        if self.facts is None:
            return
        second = None
        if path is not None:
            from explorer.formats.registry import inspect  # the formats are read once the window is painted

            try:
                second = inspect(path, {"weights": weights} if weights else {})
                check_comparable(self.facts, second, self.state.label)
            except ModelError as error:
                self.failed.emit(str(error))
                return
        self.second, self._second_seen = second, False
        self._compared_anew(forward=True)

    def set_second_lenses(self, names: tuple[str, ...]) -> None:
        """What of the two models is shown."""
        self.second_lenses = names
        if self.second is not None:
            self._compared_anew(forward=True)

    def _compared_anew(self, forward: bool = False) -> None:
        self.stateChanged.emit()
        self.runChanged.emit()
        if forward or self.state.source == "reverse":
            self._look()

    def show_neighbour(self, offset: int) -> None:
        """The next or the previous run."""
        numbers = [run.number for run in self.family]
        if self.run is not None and self.run.number in numbers:
            place = min(max(numbers.index(self.run.number) + offset, 0), len(numbers) - 1)
            self.show_run(numbers[place])

    def forget_runs(self) -> None:
        """All but the one on show."""
        for run in list(self.family):
            if run is not self.run:
                self.family.forget(run.number)
        self.runChanged.emit()

    def _begin(self, playing: bool, afresh: bool = False) -> bool:
        """With the choices as they are now: a branch begins again where it branched off, any other run at x_T."""
        run = self.run
        if run is None or run.parent is None or afresh:
            return self._start_run(until=None if playing else 0)
        assert self.facts is not None
        step = run.parent[1]
        until = None if playing else step
        try:
            request = self._request_from(run, step, until, again=True)
        except ChoiceError as error:
            self._go_back_to(run, self.state.step)
            self.failed.emit(str(error))
            return False
        run.drop_after(step)
        run.choices = self.state
        self.filmDropped.emit(step)
        self._show_step(step)
        self.runChanged.emit()
        self._submit_run(request)
        return True
