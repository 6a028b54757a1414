"""Reverse runs: playing, stepping, going back and forth, and changing one's mind half-way."""

from __future__ import annotations

import time
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QWidget

from explorer.diffusion.samplers import SAMPLERS

if TYPE_CHECKING:
    from tests.ui.conftest import Arrays, Hand

LENSES = ("x_t", "x0", "eps", "score")


def same(a: Arrays, b: Arrays) -> bool:
    """Bit for bit; NaN, which stands where there is nothing to say, equals itself."""
    return all(a[lens].tobytes() == b[lens].tobytes() for lens in LENSES)


def run_frames(hand: Hand) -> dict[int, Arrays]:
    """What the tiles showed when each step was made, as far as it was drawn."""
    return {seen.step: arrays for seen, arrays in hand.frames if seen.run is not None and not seen.replayed}


def cursors_agree(hand: Hand) -> bool:
    t = hand.window.state.t
    return hand.slider.value() == hand.spin("timestepSpin").value() == t == hand.cursor("snrPlot")


@pytest.fixture
def reverse(hand: Hand) -> Hand:
    """The tiny model with a reverse run of 12 DDIM steps chosen, x_T on show."""
    hand.type_into(hand.spin("stepsSpin"), "12")
    hand.reverse()
    hand.frames.clear()
    return hand


def play_until(hand: Hand, step: int) -> None:
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= step)


# --- playing -------------------------------------------------------------------------------------------------


def test_choosing_reverse_shows_x_T_and_waits(hand: Hand) -> None:
    forward = hand.shown()
    hand.reverse()
    state = hand.window.state
    assert hand.session.run is not None
    assert (state.t, state.step, state.source) == (hand.session.run.times[0], 0, "reverse")
    assert state.t >= 98
    assert cursors_agree(hand)
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
    assert cursors_agree(hand)
    assert not hand.session.playing
    assert not same(x_T, hand.shown())
    # Clipped x̂₀ ends in the range of the data.
    assert abs(hand.data("x_t")).max() <= 1 + 1e-6
    # Something happened on the screen on the way, and in order.
    drawn = [seen.step for seen, _ in hand.frames if seen.run is not None]
    assert len(set(drawn)) >= 5
    assert drawn == sorted(drawn)


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
        assert cursors_agree(hand)
        made.append(hand.shown())
    assert hand.window.state.t == 0
    assert not hand.button("stepButton").isEnabled()
    assert len({arrays["x_t"].tobytes() for arrays in made}) == 13
    hand.frames.clear()
    for i in reversed(range(12)):
        hand.click("backButton") if i % 2 else hand.key(Qt.Key.Key_Left)
        hand.settle()
        assert hand.window.state.step == i
        assert cursors_agree(hand)
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
    hand.play_to_end()
    seen_on_the_way = run_frames(hand)
    assert len(seen_on_the_way) >= 3
    hand.slider.setFocus()
    for step in reversed(range(12)):
        hand.key(Qt.Key.Key_Left)
        hand.settle()
        assert hand.window.state.step == step
        if step in seen_on_the_way:
            assert same(seen_on_the_way[step], hand.shown()), step


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
    hand.combo("speedCombo").setCurrentText("full speed")
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
    assert cursors_agree(hand)
    assert same(run_frames(hand)[2], hand.shown())
    hand.combo("speedCombo").setCurrentText("full speed")
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
    hand.combo("speedCombo").setCurrentText("full speed")
    hand.play_to_end()
    assert hand.window.state.step == 12


def test_home_end_and_ten_steps(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    last = hand.shown()
    hand.slider.setFocus()
    for key, modifier, step in (
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier, 0),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 10),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 12),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 2),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 0),
        (Qt.Key.Key_End, Qt.KeyboardModifier.NoModifier, 12),
    ):
        hand.key(key, modifier)
        hand.settle()
        assert hand.window.state.step == step
        assert cursors_agree(hand)
    assert same(last, hand.shown())


def test_the_slider_and_the_spin_box_go_to_the_nearest_step(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    for t in (50, 3, 99, 0):
        nearest = min(run.times, key=lambda time: abs(time - t))
        hand.drag_slider(t)
        hand.settle()
        assert hand.window.state.t == nearest
        assert cursors_agree(hand)
        hand.type_into(hand.spin("timestepSpin"), str(t))
        hand.settle()
        assert hand.window.state.t == nearest
        assert cursors_agree(hand)
    times = set()
    QTest.mousePress(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(0))
    for t in (20, 40, 60, 80, 100):
        QTest.mouseMove(hand.slider, hand.place(t))
        hand.settle()
        times.add(hand.frames[-1][0].t)
    QTest.mouseRelease(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(100))
    assert len(times) == 5


def test_before_a_run_has_begun_the_slider_goes_back_to_x_T(reverse: Hand) -> None:
    t = reverse.window.state.t
    reverse.drag_slider(20)
    reverse.settle()
    assert reverse.window.state.t == reverse.slider.value() == t
    assert cursors_agree(reverse)


def test_a_click_on_the_filmstrip_goes_to_a_step(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    hand.qtbot.wait(50)  # until it is painted
    run = hand.session.run
    assert run is not None
    for step in (4, 9, 0):
        x = round(hand.slider.x_of(run.times[step]))
        QTest.mouseClick(hand.strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
        hand.settle()
        assert hand.window.state.step == step
        assert cursors_agree(hand)


def test_the_statistics_have_a_curve_for_each_number(reverse: Hand) -> None:
    hand = reverse
    plot = hand.plot("statisticsPlot")
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    for name in ("x_t", "ε̂"):
        x, y = plot.curve(name)
        made = 13 if name == "x_t" else 12  # there is no noise to speak of at t = 0
        assert list(x) == list(run.times[:made])
        assert np.isfinite(y).all()
    x, y = plot.curve("x_t")
    assert y[-1] == pytest.approx(np.sqrt(np.mean(hand.data("x_t").astype(np.float64) ** 2)), rel=1e-5)
    assert len(plot.curve("Δx̂₀")[0]) == 12
    hand.choose(hand.combo("sourceCombo"), "forward")
    hand.settle()
    with pytest.raises(KeyError):
        plot.curve("x_t")


def test_sixteen_samples_run_at_once_and_hold_the_single_run(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    single = hand.data("x_t")
    hand.type_into(hand.spin("countSpin"), "16")
    hand.settle()
    assert hand.window.state.step == 0
    hand.play_to_end()
    assert hand.data("x_t").shape == (16, 1, 8, 8)
    assert np.allclose(hand.data("x_t")[:1], single, atol=1e-4)


def test_r_draws_another_run(reverse: Hand) -> None:
    hand = reverse
    x_T, seed = hand.data("x_t"), hand.window.state.sampler_seed
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_R)
    hand.settle()
    assert hand.window.state.sampler_seed != seed
    assert hand.spin("samplerSeedSpin").value() == hand.window.state.sampler_seed
    assert not np.array_equal(x_T, hand.data("x_t"))
    hand.type_into(hand.spin("samplerSeedSpin"), str(seed))
    hand.settle()
    assert np.array_equal(x_T, hand.data("x_t"))


def test_another_label_half_way_changes_the_rest_of_the_run(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    unconditional = hand.data("x_t")
    hand.click("resetButton")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("20 steps/s")
    play_until(hand, 4)
    hand.click("playButton")
    hand.settle()
    step = hand.window.state.step
    before = hand.data("x_t")
    hand.choose(hand.combo("labelCombo"), 1)
    hand.type_into(hand.decimal("guidanceSpin"), "5")
    hand.settle()
    assert hand.window.state.step == step
    hand.combo("speedCombo").setCurrentText("full speed")
    hand.play_to_end()
    assert hand.window.state.step == 12
    assert not np.array_equal(unconditional, hand.data("x_t"))
    run = hand.session.run
    assert run is not None
    hand.drag_slider(run.times[step])
    hand.settle()
    assert np.array_equal(before, hand.data("x_t")), "what was made before stays"


def test_a_label_before_the_first_step_is_asked_about_at_once(reverse: Hand) -> None:
    hand = reverse
    before = hand.shown()
    hand.choose(hand.combo("labelCombo"), 2)
    hand.settle()
    assert np.array_equal(before["x_t"], hand.data("x_t"))
    assert not np.array_equal(before["eps"], hand.data("eps"))


# --- samplers and their parameters ---------------------------------------------------------------------------


def parameter(hand: Hand, name: str) -> Any:
    return hand.find(QWidget, f"sampler:{name}")


def parameters_on_show(hand: Hand) -> set[str]:
    hand.qtbot.wait(1)  # controls that were replaced are deleted by now
    widgets = hand.window.findChildren(QWidget)
    return {w.objectName().removeprefix("sampler:") for w in widgets if w.objectName().startswith("sampler:")}


@pytest.mark.parametrize("sampler", ["ddpm", "langevin", "annealed_langevin"])
def test_each_sampler_brings_its_own_parameters_and_runs(plane_hand: Hand, sampler: str) -> None:
    hand = plane_hand
    assert parameters_on_show(hand) == {f.name for f in fields(SAMPLERS["ddim"].parameters)}
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), sampler)
    hand.settle()
    assert parameters_on_show(hand) == {f.name for f in fields(SAMPLERS[sampler].parameters)}
    assert hand.spin("stepsSpin").value() == hand.window.state.steps == min(SAMPLERS[sampler].default_steps, 50)
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.settle()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    assert run.finished
    assert run.made == len(run.times)
    assert np.isfinite(hand.data("x_t")).all()


def test_parameters_are_used(reverse: Hand) -> None:
    hand = reverse
    hand.play_to_end()
    deterministic = hand.data("x_t")
    hand.click("resetButton")
    hand.settle()
    hand.type_into(parameter(hand, "eta"), "1")
    hand.settle()
    assert hand.window.state.parameters["eta"] == 1.0
    hand.play_to_end()
    assert not np.array_equal(deterministic, hand.data("x_t"))
    hand.click("resetButton")
    hand.settle()
    hand.type_into(parameter(hand, "eta"), "0")
    clip = hand.find(QCheckBox, "sampler:clip")
    QTest.mouseClick(clip, Qt.MouseButton.LeftButton, pos=QPoint(8, clip.height() // 2))
    hand.settle()
    assert hand.window.state.parameters["clip"] is False
    hand.play_to_end()
    assert abs(hand.data("x_t")).max() > 1


@pytest.fixture
def annealed(hand: Hand) -> Hand:
    """Annealed Langevin at 4 levels of 20 steps, x_T on show, slow enough for every step to be drawn."""
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "annealed_langevin")
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.settle()
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.frames.clear()
    return hand


def test_the_step_size_acts_while_annealed_langevin_runs(annealed: Hand) -> None:
    hand = annealed
    play_until(hand, 3)
    number = hand.session.run.number if hand.session.run else None
    hand.type_into(parameter(hand, "step_size"), "0")
    assert hand.session.playing
    changed_at = hand.window.state.step
    hand.until(lambda: hand.window.state.step >= changed_at + 5)
    hand.click("playButton")
    hand.settle()
    run = hand.session.run
    assert run is not None
    assert run.number == number
    frames = run_frames(hand)
    steps = sorted(frames)
    before = [(a, b) for a, b in pairwise(steps) if b <= changed_at and b == a + 1]
    # A step of size 0 moves nothing while the level stays.
    after = [(a, b) for a, b in pairwise(steps) if a >= changed_at + 1 and b == a + 1 and run.times[a] == run.times[b]]
    assert before
    assert after
    assert all(not np.array_equal(frames[a]["x_t"], frames[b]["x_t"]) for a, b in before)
    assert all(np.array_equal(frames[a]["x_t"], frames[b]["x_t"]) for a, b in after)


def test_the_steps_per_level_change_the_plan_while_annealed_langevin_runs(annealed: Hand) -> None:
    hand = annealed
    play_until(hand, 3)
    run = hand.session.run
    assert run is not None
    first, planned = run.times[0], len(run.times)
    assert planned == 4 * 20 + 2
    made = run_frames(hand)[1]
    hand.type_into(parameter(hand, "steps_per_level"), "5")
    assert hand.session.playing
    hand.until(lambda: len(run.times) != planned)
    assert hand.session.run is run
    # What is left of the first level counts the steps already made there.
    assert run.times.count(first) <= 8
    assert len(run.times) < planned
    hand.combo("speedCombo").setCurrentText("full speed")
    hand.until(lambda: not hand.window.busy)
    assert run.finished
    assert hand.window.state.t == 0
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Home)
    hand.settle()
    hand.key(Qt.Key.Key_Right)
    hand.settle()
    assert same(made, hand.shown()), "what was made before stays"


def test_other_statistics_of_the_run(annealed: Hand) -> None:
    annealed.combo("speedCombo").setCurrentText("full speed")
    annealed.play_to_end()
    combo, plot = annealed.combo("statisticsCombo"), annealed.plot("statisticsPlot")
    titles = [combo.itemText(i) for i in range(combo.count())]
    assert titles == ["sizes", "turning", "clipping", "score", "Langevin"]
    annealed.choose(combo, combo.itemData(4))
    assert set(plot.names()) == {"drift", "noise", "ratio"}
    drift, noise, ratio = (plot.curve(name)[1] for name in ("drift", "noise", "ratio"))
    np.testing.assert_allclose(ratio, drift / noise)
    annealed.choose(combo, combo.itemData(2))
    assert plot.names() == ("clipped",)
    assert ((plot.curve("clipped")[1] >= 0) & (plot.curve("clipped")[1] <= 1)).all()
    annealed.choose(combo, combo.itemData(0))
    assert "x_t" in plot.names()


def test_levels_are_drawn_and_the_statistics_go_by_step(annealed: Hand) -> None:
    hand = annealed
    hand.combo("speedCombo").setCurrentText("full speed")
    plain = hand.slider.grab().toImage()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    levels = sorted(set(run.times) - {0})
    assert len(levels) == 4
    drawn = hand.slider.grab().toImage()
    ratio = drawn.devicePixelRatio()
    y = round(5 * ratio)  # above the groove
    colours = {drawn.pixelColor(round(hand.slider.x_of(t) * ratio) + 4, y).name() for t in levels}
    background = plain.pixelColor(2, 2).name()
    assert background not in colours
    assert len(colours) >= 2, "neighbouring levels can be told apart"
    x, _ = hand.plot("statisticsPlot").curve("x_t")
    assert list(x) == list(range(run.made))
    assert hand.cursor("statisticsPlot") == run.made - 1


def test_plain_langevin_stays_at_one_level(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "langevin")
    hand.type_into(hand.spin("stepsSpin"), "10")
    hand.settle()
    hand.play_to_end()
    run = hand.session.run
    assert run is not None
    assert len(set(run.times) - {0}) == 1
    hand.qtbot.wait(50)
    # One time only: the filmstrip spreads the steps instead, the first at the noisy end.
    QTest.mouseClick(hand.strip, Qt.MouseButton.LeftButton, pos=QPoint(hand.strip.width() - 30, 20))
    hand.settle()
    assert hand.window.state.step <= 1
    QTest.mouseClick(hand.strip, Qt.MouseButton.LeftButton, pos=QPoint(30, 20))
    hand.settle()
    assert hand.window.state.step >= 9


# --- speed ---------------------------------------------------------------------------------------------------


def test_the_speed_is_kept(reverse: Hand) -> None:
    hand = reverse
    combo = hand.combo("speedCombo")
    assert combo.currentText() == "full speed"
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
    hand.combo("speedCombo").setCurrentText("full speed")
    hand.until(lambda: not hand.window.busy)  # at 1 step/s it would take longer than is waited for
    assert hand.window.state.step == 90
