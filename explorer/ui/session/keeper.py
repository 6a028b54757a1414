"""Saving what is on show."""

from __future__ import annotations

import json
from dataclasses import replace

from explorer.engine.frame import Saved
from explorer.engine.sharing.plain import to_plain
from explorer.engine.sharing.session_file import Notes, RunNotes
from explorer.request import Autosave, Save, SaveSession
from explorer.state import ChoiceError, resolve_look
from explorer.ui.runner import Runner
from explorer.ui.session.player import Player
from explorer.ui.session.scene import Scene

SESSION_ENDING = ".dxsession"


class Keeper:
    """Asks the engine to write files."""

    def __init__(self, scene: Scene, runner: Runner, player: Player) -> None:
        self._scene = scene
        self._runner = runner
        self._player = player
        self._autosave_path = ""

    @property
    def saving(self) -> bool:
        """True while a file is being written that the user asked for."""
        return self._runner.doing("save")

    def save(self, path: str, lenses: tuple[str, ...] | None = None, plain_diffusers: bool = False) -> None:
        """Write what is on show, or the run it is a step of; the ending says how. lenses: the tiles, None for all."""
        scene = self._scene
        if scene.facts is None:
            return
        try:
            look = resolve_look(scene.state, scene.facts, scene.run_number)
        except ChoiceError as error:
            scene.failed.emit(str(error))
            return
        self._player.pause()
        scene.savingBegan.emit()
        self._runner.submit(Save(replace(look, lenses=lenses or look.lenses), path, plain_diffusers))

    def save_session(self, path: str) -> None:
        """Write everything that is open."""
        if self._scene.facts is None:
            return
        self._player.pause()
        self._scene.savingBegan.emit()
        self._runner.submit(SaveSession(self._scene.reference, path, self._notes()))

    def autosave(self, path: str) -> None:
        """The same in little, without a word, and while a run goes on."""
        if self._scene.facts is not None and self._scene.opening is None:
            self._autosave_path = path
            self._runner.submit(Autosave(self._scene.reference, path, self._notes()))

    def stop_saving(self) -> None:
        """What was there before stays."""
        if self.saving:
            self._runner.cancel("save")
            self._scene.progressed.emit("Not saved.")

    def take_saved(self, frame: Saved) -> None:
        """A file is there."""
        if frame.path != self._autosave_path:
            self._scene.saved.emit(frame.path, frame.note)

    def _notes(self) -> str:
        """What only the window knows of the runs, as JSON."""
        scene = self._scene
        shown = scene.family.source(scene.run) if scene.run is not None else None
        runs = tuple(
            RunNotes(run.number, run.choices.to_json(), run.parent, run.edit_name) for run in scene.family if run.begun
        )
        number = shown.number if shown is not None and shown.begun else None
        return json.dumps(to_plain(Notes(scene.state.to_json(), number, runs)))
