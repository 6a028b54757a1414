"""A forward view: x_t from data and noise, at every time the slider is dragged to."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from explorer.ui.time_axis import SCALES
from tests.ui.running import times_agree

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

LENSES = ("x_t", "x0", "eps", "score")


# --- the slider ----------------------------------------------------------------------------------------------


def shows(hand: Hand, t: int) -> bool:
    return bool(hand.frames) and hand.frames[-1][0].t == t


def test_all_four_tiles_follow_while_the_slider_is_dragged(hand: Hand) -> None:
    QTest.mousePress(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(0))
    hand.settle()
    at: dict[int, dict[str, bytes]] = {}
    for t in (0, 20, 50, 80, 100, 80, 50, 20, 0):
        QTest.mouseMove(hand.slider, hand.place(t))
        # Everything happens while the button is down: nothing waits for its release.
        hand.until(partial(shows, hand, t))
        assert hand.slider.isSliderDown()
        assert times_agree(hand, t)
        shown = {lens: data.tobytes() for lens, data in hand.shown().items()}
        assert at.setdefault(t, shown) == shown, "the way back shows the same"
    QTest.mouseRelease(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(0))
    hand.settle()
    for lens in LENSES:
        assert len({shown[lens] for shown in at.values()}) == 5, lens
    assert {lens: data.tobytes() for lens, data in hand.shown().items()} == at[0]


def test_a_swift_drag_shows_times_on_the_way_and_ends_at_the_last(hand: Hand) -> None:
    hand.frames.clear()
    QTest.mousePress(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(0))
    for t in range(1, 101):
        QTest.mouseMove(hand.slider, hand.place(t))
        hand.qtbot.wait(5)
    during = {seen.t for seen, _ in hand.frames}
    QTest.mouseRelease(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(100))
    hand.settle()
    assert len(during) >= 3
    order = [seen.t for seen, _ in hand.frames]
    assert order == sorted(order), "never a step back to an older look"
    assert order[-1] == 100
    assert times_agree(hand, 100)


def test_clicking_the_axis_goes_there_at_once(hand: Hand) -> None:
    QTest.mouseClick(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(73))
    hand.settle()
    assert times_agree(hand, 73)
    QTest.mouseClick(hand.slider, Qt.MouseButton.RightButton, pos=hand.place(10))
    QTest.mouseMove(hand.slider, hand.place(20))
    assert times_agree(hand, 73)


def test_dragging_beyond_the_ends_stays_at_them(hand: Hand) -> None:
    QTest.mousePress(hand.slider, Qt.MouseButton.LeftButton, pos=hand.place(50))
    QTest.mouseMove(hand.slider, QPoint(hand.slider.width() + 300, 14))
    assert hand.slider.value() == 100
    QTest.mouseMove(hand.slider, QPoint(-300, 14))
    assert hand.slider.value() == 0
    QTest.mouseRelease(hand.slider, Qt.MouseButton.LeftButton, pos=QPoint(-300, 14))
    hand.settle()
    assert times_agree(hand, 0)


def test_the_spin_box_takes_an_exact_time(hand: Hand) -> None:
    hand.type_into(hand.spin("timestepSpin"), "63")
    hand.settle()
    assert times_agree(hand, 63)
    assert hand.frames[-1][0].t == 63


@pytest.mark.parametrize(
    ("key", "modifier", "t"),
    [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, 41),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, 39),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 50),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 30),
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier, 0),
        (Qt.Key.Key_End, Qt.KeyboardModifier.NoModifier, 100),
    ],
)
def test_the_keys_move_the_time(hand: Hand, key: Qt.Key, modifier: Qt.KeyboardModifier, t: int) -> None:
    hand.slider.setFocus()
    hand.key(key, modifier)
    hand.settle()
    assert times_agree(hand, t)
    assert hand.frames[-1][0].t == t


def test_the_buttons_stop_at_the_ends(hand: Hand) -> None:
    hand.drag_slider(1)
    hand.click("backButton")
    hand.settle()
    assert times_agree(hand, 0)
    assert not hand.button("backButton").isEnabled()
    hand.key(Qt.Key.Key_Left)
    assert times_agree(hand, 0)
    hand.drag_slider(99)
    hand.click("stepButton")
    hand.settle()
    assert times_agree(hand, 100)
    assert not hand.button("stepButton").isEnabled()
    hand.click("resetButton")
    hand.settle()
    assert times_agree(hand, 0)


def test_another_scale_moves_the_axis_but_no_time(hand: Hand) -> None:
    combo = hand.combo("scaleCombo")
    before = hand.shown()
    xs = set()
    for i in range(len(SCALES)):
        combo.setFocus()
        if i:
            QTest.keyClick(combo, Qt.Key.Key_Down)
        assert combo.currentIndex() == i
        assert times_agree(hand, 40)
        assert not hand.window.busy
        xs.add(round(hand.slider.x_of(40)))
        ends = hand.slider.x_of(0), hand.slider.x_of(100)
        assert ends == pytest.approx((14, hand.slider.width() - 14))
        hand.drag_slider(70)
        hand.settle()
        assert abs(hand.window.state.t - 70) <= 1
        hand.type_into(hand.spin("timestepSpin"), "40")
        hand.settle()
    assert len(xs) == len(SCALES)
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())


def test_a_click_on_the_filmstrip_goes_to_its_time(hand: Hand) -> None:
    strip = hand.strip
    hand.qtbot.wait(50)  # until it is painted
    for t in (80, 78, 76, 10, 0, 100):  # on pictures and between them
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(hand.slider.x_of(t)), 20))
        hand.settle()
        assert abs(hand.window.state.t - t) <= 4
        assert times_agree(hand, hand.window.state.t)


# --- what the tiles show -------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 40, 77, 100])
def test_the_tiles_agree_with_one_another(hand: Hand, t: int) -> None:
    hand.type_into(hand.spin("timestepSpin"), str(t))
    hand.settle()
    seen = hand.frames[-1][0]
    a, s = seen.a, seen.s
    x_t, x0, eps, score = (hand.data(lens).astype(np.float64) for lens in LENSES)
    assert a**2 + s**2 == pytest.approx(1)
    assert np.allclose(a * x0 + s * eps, x_t, atol=1e-4)
    assert np.allclose(score, -eps / s, rtol=1e-4, atol=1e-5)


def test_x_t_is_the_sample_at_0_and_noise_at_T(hand: Hand) -> None:
    hand.drag_slider(0)
    hand.settle()
    x_0 = hand.data("x_t")
    # An 8-bit picture in [−1, 1].
    levels = (x_0 + 1) * 127.5
    assert np.allclose(levels, np.round(levels), atol=1e-3)
    hand.drag_slider(50)
    hand.settle()
    seen = hand.frames[-1][0]
    eps = (hand.data("x_t") - seen.a * x_0) / seen.s
    hand.drag_slider(100)
    hand.settle()
    seen = hand.frames[-1][0]
    # The noise is locked: it is the same at every t.
    assert np.allclose((hand.data("x_t") - seen.a * x_0) / seen.s, eps, atol=1e-5)
    assert 0.6 < eps.std() < 1.4


def test_the_exact_score_points_where_the_density_says(plane_hand: Hand) -> None:
    hand = plane_hand
    for t in (5, 25, 50):
        hand.type_into(hand.spin("timestepSpin"), str(t))
        hand.settle()
        seen = hand.frames[-1][0]
        x = hand.data("x_t").astype(np.float64)
        means = seen.a * np.array([[-1.0, 0.0], [1.0, 0.5]])
        spread = np.array([[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.05], [0.05, 0.1]]])
        covariances = seen.a**2 * spread + seen.s**2 * np.eye(2)

        def log_density(x: np.ndarray, means: np.ndarray = means, cov: np.ndarray = covariances) -> np.ndarray:
            p = np.zeros(len(x))
            for m, c in zip(means, cov, strict=True):
                d = x - m
                p += 0.5 * np.exp(-0.5 * np.einsum("ni,ij,nj->n", d, np.linalg.inv(c), d)) / np.sqrt(np.linalg.det(c))
            return np.asarray(np.log(p))

        h = 1e-5
        slope = [(log_density(x + h * axis) - log_density(x - h * axis)) / (2 * h) for axis in np.eye(2)]
        assert np.allclose(np.stack(slope, axis=1), hand.data("score"), atol=2e-3), t


# --- noise, samples, pictures, labels ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["key", "button"])
def test_redrawn_noise_is_other_noise_and_the_seed_brings_the_old_back(hand: Hand, by: str) -> None:
    before, seed = hand.shown(), hand.spin("noiseSeedSpin").value()
    if by == "key":
        hand.slider.setFocus()
        hand.key(Qt.Key.Key_R)
    else:
        hand.click("redrawButton")
    hand.settle()
    assert hand.spin("noiseSeedSpin").value() == hand.window.state.noise_seed != seed
    assert all(not np.array_equal(before[lens], data) for lens, data in hand.shown().items())
    assert times_agree(hand, 40)
    hand.type_into(hand.spin("noiseSeedSpin"), str(seed))
    hand.settle()
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())


def test_another_sample(hand: Hand) -> None:
    first, spin = hand.data("x_t"), hand.spin("imageSampleSpin")
    assert spin.maximum() == 19
    hand.type_into(spin, "7")
    hand.settle()
    other = hand.data("x_t")
    assert not np.array_equal(first, other)
    spin.setFocus()
    QTest.keyClick(spin, Qt.Key.Key_Up)
    hand.settle()
    assert hand.window.state.sample == 8
    assert not np.array_equal(other, hand.data("x_t"))
    hand.type_into(spin, "0")
    hand.settle()
    assert np.array_equal(first, hand.data("x_t"))


def test_sixteen_at_once_hold_the_single_ones(hand: Hand) -> None:
    single = hand.shown()
    hand.type_into(hand.spin("countSpin"), "16")
    hand.settle()
    for lens, data in hand.shown().items():
        assert data.shape == (16, 1, 8, 8), lens
        assert np.allclose(data[:1], single[lens], atol=1e-4), lens
        assert len({picture.tobytes() for picture in data}) == 16, lens
    assert np.array_equal(hand.data("x_t")[:1], single["x_t"])
    hand.type_into(hand.spin("countSpin"), "1")
    hand.settle()
    assert all(np.array_equal(single[lens], data) for lens, data in hand.shown().items())


def test_a_label_and_its_guidance_change_what_the_model_says(hand: Hand) -> None:
    plain = hand.shown()
    guidance = hand.decimal("guidanceSpin")
    assert not guidance.isEnabled(), "without a label there is nothing to guide to"
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    assert guidance.isEnabled()
    said: dict[float, np.ndarray] = {}
    for scale in (0.0, 1.0, 2.0):
        hand.type_into(guidance, f"{scale}")
        hand.settle()
        said[scale] = hand.data("eps")
        assert np.array_equal(hand.data("x_t"), plain["x_t"])
    # γ = 0 is the unconditional model, and γ goes on linearly beyond 1.
    assert np.allclose(said[0.0], plain["eps"], atol=1e-6)
    assert not np.allclose(said[1.0], said[0.0], atol=1e-4)
    assert np.allclose(said[2.0], 2 * said[1.0] - said[0.0], atol=1e-5)
    hand.choose(hand.combo("labelCombo"), None)
    hand.settle()
    assert all(np.array_equal(plain[lens], data) for lens, data in hand.shown().items())
    assert not guidance.isEnabled()


def test_what_a_model_lacks_is_disabled(plane_hand: Hand) -> None:
    hand = plane_hand
    for name in ("imageSampleSpin",):
        assert not hand.spin(name).isEnabled()
    assert not hand.button("pictureButton").isEnabled()
    assert hand.spin("countSpin").isEnabled()
    assert hand.spin("noiseSeedSpin").isEnabled()


def test_the_device_may_be_named(make_hand: MakeHand, tiny: Path) -> None:
    hand = make_hand(tiny)
    before = hand.shown()
    hand.choose(hand.combo("deviceCombo"), "cpu")
    hand.settle()
    assert hand.window.state.device == "cpu"
    assert times_agree(hand, 40)
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())
