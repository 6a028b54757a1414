"""A file of the user's own as x₀. What is on show, a run included, stays until it has turned out to be a picture."""

from __future__ import annotations

from explorer.engine.frame import Frame, Seen
from explorer.engine.worker import Answer
from explorer.state import ChoiceError, State, resolve_look
from explorer.ui.session.looks import Looks
from explorer.ui.session.player import Player
from explorer.ui.session.requests import Submits
from explorer.ui.session.scene import Scene


class OwnPicture:
    """Asks for a look at it, and follows where that succeeds."""

    def __init__(self, scene: Scene, engine: Submits, looks: Looks, player: Player) -> None:
        self._scene = scene
        self._engine = engine
        self._looks = looks
        self._player = player
        self._trial: tuple[int, State] | None = None
        """The job that looks at the picture, and the state it leads to."""

    def use_picture(self, path: str) -> None:
        """Look at a picture as x₀."""
        scene = self._scene
        if scene.facts is None:
            return
        self._player.pause()
        state = scene.state.with_changes(picture=path, source="forward", count=1)
        try:
            request = resolve_look(state, scene.facts)
        except ChoiceError as error:
            scene.failed.emit(str(error))
            return
        self._trial = (self._engine.submit(request), state)

    def take(self, answer: Answer) -> bool:
        """True for the answer to the trial: go on with the picture, or with what was there before."""
        if self._trial is None or answer.job != self._trial[0]:
            return False
        (_, state), self._trial = self._trial, None
        self._end(answer.frame, state)
        return True

    def give_up(self) -> bool:
        """The picture was there once, and is no more: back to the model's own samples. False where there was none."""
        if self._scene.state.picture is None:
            return False
        self._scene.state = self._scene.state.with_changes(picture=None)
        self._looks.look(film=True)
        return True

    def _end(self, frame: Frame | None, state: State) -> None:
        scene = self._scene
        if not isinstance(frame, Seen):
            self._looks.look()  # the trial may have taken the place of a look
            return
        scene.state = state
        if scene.run is not None:
            scene.run = None
            scene.runChanged.emit()
        scene.stateChanged.emit()
        self._looks.film()
        self._looks.prepare()
