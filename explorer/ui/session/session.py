"""A Session is what is on show together with all that can be done to it: the window's one partner."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject

from explorer.ui.runner import Runner
from explorer.ui.session.answers import Answers
from explorer.ui.session.branches import Branches
from explorer.ui.session.changes import Changes
from explorer.ui.session.comparison import Comparison
from explorer.ui.session.keeper import Keeper
from explorer.ui.session.looks import Looks
from explorer.ui.session.opener import Opener
from explorer.ui.session.own_picture import OwnPicture
from explorer.ui.session.player import Player
from explorer.ui.session.run_maker import RunMaker
from explorer.ui.session.scene import Scene
from explorer.ui.session.schedules import Schedules


class Session(Scene):
    """Puts the objects together that change the scene, and hands their methods on as its own."""

    def __init__(self, runner: Runner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        runs = RunMaker(self, runner)
        looks = Looks(self, runner, runs)
        player = Player(self, runner, runs, looks)
        branches = Branches(self, runs, looks, player)
        comparison = Comparison(self, looks)
        changes = Changes(self, runs, looks, player)
        schedules = Schedules(self, runner, looks, changes.make)
        picture = OwnPicture(self, runner, looks, player)
        keeper = Keeper(self, runner, player)
        opener = Opener(self, runner, runs, looks, player, schedules)
        answers = Answers(
            self,
            runner,
            runs=runs,
            looks=looks,
            player=player,
            comparison=comparison,
            schedules=schedules,
            opener=opener,
            keeper=keeper,
            picture=picture,
        )
        runner.answered.connect(answers.take)
        self._runner, self._player, self._opener, self._keeper = runner, player, opener, keeper
        self._changes, self._answers = changes, answers

        self.open, self.open_session = opener.open, opener.open_session
        self.look_again, self.set_place = looks.look_again, looks.set_place
        self.set_schedule = schedules.set_schedule
        self.use_picture = picture.use_picture
        # Choices
        self.set_parameter, self.redraw_noise = changes.set_parameter, changes.redraw_noise
        self.set_up, self.start_from = changes.set_up, changes.start_from
        self.run_with, self.run_to = changes.run_with, changes.run_to
        # Time
        self.set_time, self.set_step, self.set_time_or_step = player.set_time, player.set_step, player.set_time_or_step
        self.step, self.back, self.forward = player.step, player.back, player.forward
        self.go_to_end, self.reset = player.go_to_end, player.reset
        self.play, self.pause, self.toggle_play = player.play, player.pause, player.toggle_play
        self.set_backwards, self.set_loop, self.set_pace = player.set_backwards, player.set_loop, player.set_pace
        # Runs and models, one beside another
        self.branch, self.forget_runs = branches.branch, branches.forget_runs
        self.show_run, self.show_neighbour = branches.show_run, branches.show_neighbour
        self.compare, self.set_compared_lenses = comparison.compare, comparison.set_compared_lenses
        self.compare_model, self.set_second_lenses = comparison.compare_model, comparison.set_second_lenses
        self.set_second_own = comparison.set_second_own
        # Files
        self.save, self.save_session, self.autosave = keeper.save, keeper.save_session, keeper.autosave
        self.stop_saving = keeper.stop_saving

    @property
    def saving(self) -> bool:
        """True while a file is being written that the user asked for."""
        return self._keeper.saving

    def change(self, **changes: Any) -> None:
        """Set fields of the state and show what follows from it."""
        if "device" in changes and self.state.model is not None:
            self.open(self.state.model, changes.pop("device"))
        if "schedule" in changes:
            self.set_schedule(changes.pop("schedule"))
        self._changes.make(**changes)

    def cancel(self) -> None:
        """Stop whatever goes on; a model that is being opened is not waited for, and what was open stays."""
        self.pause()
        self.stop_saving()
        self._opener.cancel()

    def close(self) -> None:
        """Nothing is asked any more, and no answer arrives."""
        self.inquiry.close()
        self._player.close()
        self._runner.close()
