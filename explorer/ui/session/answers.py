"""What the engine answered: each frame goes to the object that it concerns, and on to the window."""

from __future__ import annotations

from explorer.engine.frame import (
    Drawn,
    Failed,
    FilmStrip,
    Frame,
    Opened,
    Progress,
    Ready,
    Restored,
    Saved,
    ScheduleTable,
    Seen,
)
from explorer.engine.worker import Answer
from explorer.ui.runner import Runner
from explorer.ui.session.comparison import Comparison
from explorer.ui.session.keeper import Keeper
from explorer.ui.session.looks import Looks
from explorer.ui.session.opener import Opener
from explorer.ui.session.own_picture import OwnPicture
from explorer.ui.session.player import Player
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene
from explorer.ui.session.schedules import Schedules


class Answers:
    """Takes the runner's answers."""

    def __init__(
        self,
        scene: Scene,
        runner: Runner,
        *,
        runs: RunMaker,
        looks: Looks,
        player: Player,
        comparison: Comparison,
        schedules: Schedules,
        opener: Opener,
        keeper: Keeper,
        picture: OwnPicture,
    ) -> None:
        self._scene = scene
        self._runner = runner
        self._runs = runs
        self._looks = looks
        self._player = player
        self._comparison = comparison
        self._schedules = schedules
        self._opener = opener
        self._keeper = keeper
        self._picture = picture

    def take(self, answer: Answer, newest: bool) -> None:
        """newest: False where a later picture of the same job waits already, so this one need not be drawn."""
        tried = self._picture.take(answer)
        if isinstance(answer.frame, Failed):
            self._take_failure(answer.frame, tried)
        else:
            self._take(answer.frame, newest)
        scene = self._scene
        if answer.last and scene.playing and not self._runner.running and not self._player.replaying:
            self._player.end_of_run()

    def _take(self, frame: Frame | None, newest: bool) -> None:
        match frame:
            case Ready():
                self._opener.take_ready(frame)
            case Progress(message=message, fraction=fraction) if message:
                self._scene.progressed.emit(message)
                self._comparison.wait_for_second()
                if self._scene.opening is not None:
                    self._scene.readingChanged.emit(fraction)
            case Opened():
                self._opener.take_model(frame)
            case Restored():
                self._opener.take_session(frame)
            case ScheduleTable():
                self._schedules.take(frame)
            case Seen():
                self._take_seen(frame, newest)
            case Drawn():
                self._scene.drawn.emit(frame.tiles)
            case FilmStrip():
                self._scene.filmCleared.emit()
                for t, thumbnail in zip(frame.times, frame.thumbnails, strict=True):
                    self._scene.filmFrame.emit(t, t, thumbnail)
            case Saved():
                self._keeper.take_saved(frame)

    def _take_seen(self, frame: Seen, newest: bool) -> None:
        scene = self._scene
        scene.end_opening()
        if frame.second:
            self._comparison.second_answered()
        self._runs.record(frame, announce=newest)
        if newest:
            scene.x_t = frame.tiles["x_t"].data if frame.run is not None and "x_t" in frame.tiles else None
            scene.seen.emit(frame)

    def _take_failure(self, frame: Failed, tried: bool) -> None:
        """tried: it was a picture of the user's own that could not be shown."""
        scene = self._scene
        settled_by_next = frame.during in ("look", "run") and not tried
        match frame.during:
            case "keep":  # tried again in a second, and not asked for
                return
            case "start":
                scene.engine_failure = frame.message
                self._opener.give_up()
            case "open":
                self._opener.give_up()
            case "save":
                scene.progressed.emit("")
            case "run":
                self._player.set_playing(False)
                scene.say_warnings()
                self._runs.give_up()
                self._comparison.give_up_second()
            case "schedule":
                self._schedules.give_up()
            case "look":
                if self._comparison.give_up_second():
                    self._looks.look()
                scene.end_opening()
                if not tried and self._picture.give_up():
                    settled_by_next = False  # something else is on show now: the reason stays to be read
        if scene.facts is not None:
            scene.stateChanged.emit()
        scene.failed_at = scene.state if settled_by_next else None
        scene.failed.emit(frame.message)
        scene.failed_at = None
