"""Going to a step of a run: keys, slider, filmstrip, plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

if TYPE_CHECKING:
    from tests.ui.hand import Hand
from tests.ui.running import same, times_agree


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
        assert times_agree(hand)
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
        assert times_agree(hand)
        hand.type_into(hand.spin("timestepSpin"), str(t))
        hand.settle()
        assert hand.window.state.t == nearest
        assert times_agree(hand)
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
    assert times_agree(reverse)


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
        assert times_agree(hand)


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
