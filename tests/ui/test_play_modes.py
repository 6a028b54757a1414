"""Playing backwards, and round and round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from tests.ui.hand import Hand


@pytest.fixture
def made(hand: Hand) -> Hand:
    """A finished run of 6 steps, t = 0 on show."""
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.reverse()
    hand.play_to_end()
    hand.frames.clear()
    return hand


def steps_shown(hand: Hand) -> list[int]:
    return [seen.step for seen, _ in hand.frames]


def test_backwards_from_the_end_to_x_T(made: Hand) -> None:
    hand = made
    hand.click("reversePlayButton")
    hand.play_to_end()
    assert hand.window.state.step == 0
    assert steps_shown(hand) == sorted(steps_shown(hand), reverse=True)
    assert len(steps_shown(hand)) >= 4
    assert all(seen.network_calls == 0 for seen, _ in hand.frames)
    hand.frames.clear()
    hand.play_to_end()  # from x_T there is no way back: it begins at the end again
    assert steps_shown(hand)[0] == 6
    assert hand.window.state.step == 0


def test_turning_round_while_it_plays(made: Hand) -> None:
    hand = made
    hand.combo("speedCombo").setCurrentText("20 steps/s")
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= 3)
    hand.click("reversePlayButton")
    assert hand.session.playing
    hand.until(lambda: not hand.session.playing)
    assert hand.window.state.step == 0


def test_round_and_round_until_it_is_stopped(made: Hand) -> None:
    hand = made
    hand.click("loopButton")
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Space)
    hand.until(lambda: steps_shown(hand).count(2) >= 2)
    hand.click("playButton")
    assert not hand.session.playing
    hand.settle()


def test_round_and_round_backwards(made: Hand) -> None:
    hand = made
    hand.click("loopButton")
    hand.click("reversePlayButton")
    hand.click("playButton")
    hand.until(lambda: steps_shown(hand).count(4) >= 2)
    hand.click("loopButton")
    hand.until(lambda: not hand.session.playing)
    assert hand.window.state.step == 0


def test_a_run_that_is_being_made_is_played_again_when_it_is_done(hand: Hand) -> None:
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.reverse()
    hand.click("loopButton")
    hand.click("playButton")
    hand.until(lambda: any(seen.replayed and seen.step == 1 for seen, _ in hand.frames))
    assert hand.session.playing
    hand.click("playButton")
    hand.settle()


def test_backwards_with_nothing_recorded_plays_forwards(hand: Hand) -> None:
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.reverse()
    hand.click("reversePlayButton")
    hand.play_to_end()
    assert hand.window.state.step == 5
