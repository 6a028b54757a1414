"""What stands beside what is on show: another run at the same time, or another model at the same x_t and t."""

from __future__ import annotations

from functools import partial

from explorer.facts import ModelError, ModelFacts, check_comparable
from explorer.ui.session.looks import Looks
from explorer.ui.session.scene import COMPARED_LENSES, SECOND_LENSES, Scene


class Comparison:
    """Chooses the second run or model, and through which lenses both are seen."""

    def __init__(self, scene: Scene, looks: Looks) -> None:
        self._scene = scene
        self._looks = looks
        self._second_seen = False
        """Whether the second model has answered: one that cannot is given up."""
        self._waited_for = False
        """Whether the status line says what keeps it."""

    def compare(self, number: int | None) -> None:
        """Show another run beside the one on show, at the same time; None, or the same one again, ends that."""
        scene = self._scene
        if number is not None and (number == scene.compared or (scene.run is not None and number == scene.run.number)):
            number = None
        if number == scene.compared:
            return
        scene.compared = number if scene.family.get(number) is not None else None
        self._show()

    def set_compared_lenses(self, names: tuple[str, ...]) -> None:
        """What of the two runs is shown."""
        self._scene.compared_lenses = names
        if self._scene.comparing:
            self._show()

    def compare_model(self, path: str | None, weights: str = "") -> None:
        """Show another model, or another set of a model's weights, beside the open one; None ends that."""
        scene = self._scene
        if path is not None and scene.facts is not None:
            scene.inquiry.ask("second", partial(_inspected, path, weights), self._compare_model, scene.failed.emit)
            return
        scene.inquiry.cancel("second")
        if scene.facts is not None:
            self._show_second(None)

    def _compare_model(self, second: ModelFacts) -> None:
        """It is known what the other model is."""
        scene = self._scene
        if scene.facts is None:
            return
        try:
            check_comparable(scene.facts, second, scene.state.label)
        except ModelError as error:
            scene.failed.emit(str(error))
            return
        self._show_second(second)

    def _show_second(self, second: ModelFacts | None) -> None:
        self._scene.second, self._second_seen = second, False
        self._show(forward=True)

    def set_second_lenses(self, names: tuple[str, ...]) -> None:
        """What of the two models is shown."""
        self._scene.second_lenses = names
        if self._scene.second is not None:
            self._show(forward=True)

    def set_second_own(self, own: bool) -> None:
        """Whether a second model makes its own run beside the first one's, or is asked at that one's x_t."""
        scene = self._scene
        if own == scene.second_own:
            return
        scene.second_own = own
        if scene.second_lenses == (SECOND_LENSES if own else COMPARED_LENSES):  # what each is mostly about
            scene.second_lenses = COMPARED_LENSES if own else SECOND_LENSES
        if scene.second is not None:
            self._show(forward=True)

    def second_answered(self) -> None:
        """Its answer may have been long in coming, and the status line have said so."""
        if self._waited_for or not self._second_seen:
            self._second_seen, self._waited_for = True, False
            self._scene.say_warnings()

    def wait_for_second(self) -> None:
        """The status line says what is being done before an answer."""
        self._waited_for = self._scene.second is not None

    def give_up_second(self) -> bool:
        """Something went wrong. True where it is the second model's fault: it could not be read, or not be asked this.

        It is then shown no more.
        """
        if self._scene.second is None or self._second_seen:
            return False
        self._scene.second = None
        return True

    def _show(self, forward: bool = False) -> None:
        self._scene.stateChanged.emit()
        self._scene.runChanged.emit()
        if forward or self._scene.state.source == "reverse":
            self._looks.look()


def _inspected(path: str, weights: str) -> ModelFacts:
    """Raises ModelError."""
    from explorer.formats.registry import inspect  # the formats are read once the window is painted

    return inspect(path, {"weights": weights} if weights else {})
