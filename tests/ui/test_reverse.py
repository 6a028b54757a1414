"""Reverse runs: playing, stepping, going back and forth, at any speed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from explorer.engine.frame import Seen
from explorer.engine.worker import Answer
from explorer.ui.runner import Runner
from explorer.ui.veil import Veil

if TYPE_CHECKING:
    from tests.ui.hand import Arrays, Hand
from tests.ui.running import play_until, run_frames, same, times_agree

SHOWN = ("x_t", "x0", "eps", "score")


def veil(hand: Hand, lens: str) -> Veil:
    found = hand.window.tile(lens).findChild(Veil)
    assert isinstance(found, Veil)
    return found


def test_choosing_reverse_shows_x_T_and_waits(hand: Hand) -> None:
    forward = hand.shown()
    hand.reverse()
    state = hand.window.state
    assert hand.session.run is not None
    assert (state.t, state.step, state.source) == (hand.session.run.times[0], 0, "reverse")
    assert state.t >= 98
    assert times_agree(hand)
    assert not hand.session.playing
    assert not same(forward, hand.shown())
    assert 0.5 < hand.data("x_t").std() < 1.6


def test_ddim_50_runs_to_t_0(hand: Hand) -> None:
    hand.reverse()
    x_T = hand.shown()
    hand.play_to_end()
    state, run = hand.window.state, hand.session.run
    assert (state.t, state.step) == (0, 50)
    assert run is not None
    assert run.made == 51
    assert run.finished
    assert times_agree(hand)
    assert not hand.session.playing
    assert not same(x_T, hand.shown())
    # Clipped x̂₀ ends in the range of the data.
    assert abs(hand.data("x_t")).max() <= 1 + 1e-6
    # Something happened on the screen on the way, and in order.
    drawn = [seen.step for seen, _ in hand.frames if seen.run is not None]
    assert len(set(drawn)) >= 5
    assert drawn == sorted(drawn)
    # Where there is nothing at t = 0, what the last step had is dimmed, and said to be of that step.
    assert [name for name in SHOWN if veil(hand, name).isVisible()] == ["eps", "score"]
    assert hand.window.tile("eps").header.note() == f"at t = {run.times[-2]}; none at t = 0"
    hand.click("backButton")
    hand.settle()
    assert not any(veil(hand, name).isVisible() for name in SHOWN)


def test_play_in_a_forward_view_begins_a_reverse_run(hand: Hand) -> None:
    played: list[bool] = []
    hand.session.playingChanged.connect(played.append)
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Space)
    hand.until(lambda: not hand.window.busy)
    hand.session.playingChanged.disconnect(played.append)
    assert played == [True, False]
    assert hand.window.state.source == hand.combo("sourceCombo").currentData() == "reverse"
    assert hand.window.state.t == 0


def test_the_step_buttons_and_keys_go_through_a_run_and_back(reverse: Hand) -> None:
    hand = reverse
    made: list[Arrays] = [hand.shown()]
    assert not hand.button("backButton").isEnabled()
    for i in range(12):
        if i % 2:
            hand.click("stepButton")
        else:
            hand.slider.setFocus()
            hand.key(Qt.Key.Key_Right)
        hand.settle()
        assert hand.window.state.step == i + 1
        assert times_agree(hand)
        made.append(hand.shown())
    assert hand.window.state.t == 0
    assert not hand.button("stepButton").isEnabled()
    assert len({arrays["x_t"].tobytes() for arrays in made}) == 13
    hand.frames.clear()
    for i in reversed(range(12)):
        hand.click("backButton") if i % 2 else hand.key(Qt.Key.Key_Left)
        hand.settle()
        assert hand.window.state.step == i
        assert times_agree(hand)
        assert same(made[i], hand.shown()), i
    hand.key(Qt.Key.Key_Left)  # there is nothing before x_T
    assert not hand.window.busy
    assert hand.window.state.step == 0
    for i in range(1, 13):
        hand.click("stepButton")
        hand.settle()
        assert same(made[i], hand.shown()), i
    assert all(seen.network_calls == 0 for seen, _ in hand.frames), "what is recorded is not computed again"


def test_going_back_after_playing_returns_the_frames_that_were_seen(reverse: Hand) -> None:
    hand = reverse
    made: dict[int, Arrays] = {}

    def keep(answer: Answer, newest: bool) -> None:
        # Of what was made rather than of what was drawn: a busy window leaves frames out.
        if isinstance(answer.frame, Seen) and not answer.frame.replayed:
            made[answer.frame.step] = {lens: drawn.data.copy() for lens, drawn in answer.frame.tiles.items()}

    runner = hand.find(Runner)
    runner.answered.connect(keep)
    hand.play_to_end()
    runner.answered.disconnect(keep)
    assert set(made) >= set(range(1, 13))
    hand.slider.setFocus()
    for step in reversed(range(12)):
        hand.key(Qt.Key.Key_Left)
        hand.settle()
        assert hand.window.state.step == step
        if step:
            assert same(made[step], hand.shown()), step


def test_the_same_seed_gives_the_same_run_bit_for_bit(reverse: Hand) -> None:
    hand = reverse
    x_T = hand.shown()
    hand.play_to_end()
    first, on_the_way = hand.shown(), run_frames(hand)
    hand.click("resetButton")
    hand.settle()
    assert hand.window.state.step == 0
    assert same(x_T, hand.shown())
    hand.frames.clear()
    hand.play_to_end()
    assert same(first, hand.shown())
    again = run_frames(hand)
    assert all(same(on_the_way[step], again[step]) for step in on_the_way.keys() & again.keys())
    hand.type_into(hand.spin("samplerSeedSpin"), "5")
    hand.settle()
    assert hand.window.state.step == 0
    assert not same(x_T, hand.shown())
    hand.play_to_end()
    assert not np.array_equal(first["x_t"], hand.data("x_t"))


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_pausing_and_stepping_in_the_middle_changes_nothing(reverse: Hand, sampler: str) -> None:
    hand = reverse
    hand.choose(hand.combo("samplerCombo"), sampler)
    hand.type_into(hand.spin("stepsSpin"), "12")
    hand.settle()
    hand.play_to_end()
    whole = hand.shown()
    hand.click("resetButton")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("20 steps/s")
    play_until(hand, 3)
    hand.click("playButton")  # pause
    hand.settle()
    assert not hand.session.playing
    step = hand.window.state.step
    assert 3 <= step < 12
    hand.click("stepButton")
    hand.settle()
    assert hand.window.state.step == step + 1
    hand.click("backButton")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.play_to_end()
    assert hand.window.state.step == 12
    assert same(whole, hand.shown())


def test_scrubbing_back_while_it_runs_pauses_and_loses_nothing(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    whole = hand.shown()
    hand.click("resetButton")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("20 steps/s")
    hand.frames.clear()
    play_until(hand, 4)
    run = hand.session.run
    assert run is not None
    t = run.times[2]
    hand.drag_slider(t)
    assert not hand.session.playing
    hand.settle()
    assert hand.window.state.step == 2
    assert run.made >= 5
    assert times_agree(hand)
    assert same(run_frames(hand)[2], hand.shown())
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.play_to_end()
    assert same(whole, hand.shown())


def test_playing_a_finished_run_again_shows_it_without_computing_it(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    whole, number = hand.shown(), hand.session.run.number if hand.session.run else None
    hand.frames.clear()
    hand.play_to_end()
    assert hand.session.run is not None
    assert hand.session.run.number == number
    assert same(whole, hand.shown())
    steps = [seen.step for seen, _ in hand.frames]
    assert steps[0] == 0
    assert steps[-1] == 12
    assert len(steps) >= 6
    assert steps == sorted(steps)
    assert [seen.network_calls for seen, _ in hand.frames] == [0] * len(steps)


def test_pausing_and_going_on_while_a_recorded_run_is_shown(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    hand.combo("speedCombo").setCurrentText("20 steps/s")
    hand.click("playButton")
    hand.until(lambda: 2 <= hand.window.state.step < 12)
    hand.click("playButton")
    hand.settle()
    step = hand.window.state.step
    hand.qtbot.wait(150)
    assert hand.window.state.step == step
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.play_to_end()
    assert hand.window.state.step == 12


def test_the_speed_is_kept(reverse: Hand) -> None:
    hand = reverse
    combo = hand.combo("speedCombo")
    assert combo.currentText() == "Full speed"
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Up)
    assert combo.currentText() == "20 steps/s"
    for _ in range(2):  # the run, and the recorded run
        begin = time.monotonic()
        hand.play_to_end()
        assert hand.window.state.step == 12
        assert time.monotonic() - begin >= 11 * 0.05  # it may be late, but never hurries


def test_full_speed_takes_over_in_the_middle_of_a_slow_run(reverse: Hand) -> None:
    hand = reverse
    hand.type_into(hand.spin("stepsSpin"), "90")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("1 step/s")
    play_until(hand, 1)
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.until(lambda: not hand.window.busy)  # at 1 step/s it would take longer than is waited for
    assert hand.window.state.step == 90
