"""Asking for pictures of what is on show."""

from __future__ import annotations

from explorer.state import ChoiceError
from explorer.ui.session.requests import Submits, film_on, look_on, preparation_for
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene


class Looks:
    """Each replaces the one before."""

    def __init__(self, scene: Scene, engine: Submits, runs: RunMaker) -> None:
        self._scene = scene
        self._engine = engine
        self._runs = runs

    def look(self, dragging: bool = False, film: bool = False) -> None:
        """dragging: on the way to another look. film: the filmstrip of a forward view has changed too."""
        scene = self._scene
        if scene.facts is None:
            return
        try:
            if self._runs.begin_branch():
                return
            request = look_on(scene)
            if request is None:
                return
            self._engine.submit(request, dragging)
            if film and scene.state.source == "forward":
                self.film()
            if not dragging:
                self.prepare()
        except ChoiceError as error:
            scene.end_opening()
            scene.failed.emit(str(error))

    def look_again(self) -> None:
        """Ask once more for what is on show."""
        self.look()

    def set_place(self, place: tuple[int, int] | None) -> None:
        """Which pixel lenses of one number are about: row and column, None for the middle."""
        if place != self._scene.place:
            self._scene.place = place
            self.look()

    def film(self) -> None:
        """Ask for the filmstrip of a forward view."""
        self._engine.submit(film_on(self._scene))

    def prepare(self) -> None:
        """Let the network be ready for batches of the size that is chosen."""
        self._engine.submit(preparation_for(self._scene))
