"""Choices before a run and half-way through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from tests.ui.hand import Hand
from tests.ui.running import play_until


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
    hand.combo("speedCombo").setCurrentText("Full speed")
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
