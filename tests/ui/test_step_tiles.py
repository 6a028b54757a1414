"""Tiles of the step from x_t, and the parameters they follow, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from tests.ui.test_guidance import show_tile

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def words(hand: Hand, lens: str) -> str:
    return " ".join(label.text() for label in hand.window.tile(lens).findChildren(QLabel))


def test_what_is_cut_from_x0_follows_the_sampler_s_choice(hand: Hand) -> None:
    hand.drag_slider(40, 90)
    show_tile(hand, "clipped")
    show_tile(hand, "cut")
    x0 = hand.data("x0")
    np.testing.assert_array_equal(hand.data("clipped"), x0.clip(-1, 1))
    assert "beyond ±1" in words(hand, "clipped")
    hand.type_into(hand.decimal("sampler:percentile"), "50")
    hand.settle()
    bound = max(float(np.quantile(np.abs(x0), 0.5)), 1.0)
    np.testing.assert_allclose(hand.data("clipped"), x0.clip(-bound, bound) / bound, atol=1e-5)
    np.testing.assert_allclose(hand.data("cut"), x0 - hand.data("clipped"), atol=1e-5)
    clip = hand.button("sampler:clip")
    QTest.mouseClick(clip, Qt.MouseButton.LeftButton, pos=QPoint(10, clip.height() // 2))  # on the box itself
    hand.settle()
    assert "clip off" in words(hand, "clipped")


def test_the_step_and_the_true_one(hand: Hand) -> None:
    for name in ("mean", "posterior", "flow", "variance"):
        show_tile(hand, name)
    assert hand.data("mean").shape == hand.data("posterior").shape == hand.data("flow").shape == (1, 1, 8, 8)
    assert "KL" in words(hand, "posterior")
    assert "has not learned a variance" in words(hand, "variance")
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.reverse()
    assert "true x₀" in words(hand, "posterior")
    hand.click("stepButton")
    hand.settle()
    assert "at t = 26" in words(hand, "mean")
    hand.play_to_end()
    assert "none at t = 0" in words(hand, "mean")


def test_points(plane_hand: Hand) -> None:
    for name in ("mean", "posterior", "flow"):
        show_tile(plane_hand, name)
        assert plane_hand.data(name).shape == (300, 2)
        assert np.isfinite(plane_hand.data(name)).all()
