"""Editing x_t by hand: what each edit does to the numbers, and that it goes on as a branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from explorer.ui import edits
from explorer.ui.edit_menu import EditButton
from tests.ui.test_branches import on_show, tree

if TYPE_CHECKING:
    from tests.ui.conftest import Hand

rng = np.random.default_rng(0)
PICTURES = rng.standard_normal((3, 2, 6, 5)).astype(np.float32)
APPLY = {edit.name: edit.apply for edit in edits.EDITS}


def test_edits_leave_what_they_are_given_alone() -> None:
    for edit in edits.EDITS:
        before = PICTURES.copy()
        after = edit.apply(PICTURES)
        np.testing.assert_array_equal(PICTURES, before)
        assert after.shape == before.shape, edit.name
        assert after.dtype == np.float32, edit.name
        assert not np.array_equal(after, before)


def test_flips_and_swaps_undo_themselves() -> None:
    for name in ("mirror", "upside_down", "negate", "channels"):
        np.testing.assert_array_equal(APPLY[name](APPLY[name](PICTURES)), PICTURES)
    np.testing.assert_array_equal(APPLY["mirror"](PICTURES)[0, 0, 2, 0], PICTURES[0, 0, 2, 4])
    np.testing.assert_array_equal(APPLY["batch"](PICTURES)[0], PICTURES[1])


def test_blur_keeps_a_flat_picture_and_spreads_a_point() -> None:
    np.testing.assert_array_equal(edits.blur(np.full((1, 1, 4, 4), 0.5, np.float32)), 0.5)
    point = np.zeros((1, 1, 5, 5), np.float32)
    point[0, 0, 2, 2] = 16.0
    np.testing.assert_array_equal(edits.blur(point)[0, 0, 1:4, 1:4], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_noise_is_the_same_every_time() -> None:
    x = np.zeros((1, 1, 64, 64), np.float32)
    np.testing.assert_array_equal(edits.add_noise(x), edits.add_noise(x))
    assert edits.add_noise(x).std() == pytest.approx(edits.NOISE, rel=0.05)


def test_a_disc_is_painted_in_one_sample() -> None:
    painted = edits.paint(PICTURES, 1, 2.5, 2.5, 1.1, 9.0)
    changed = painted != PICTURES
    assert changed[1, :, 2, 2].all()
    assert changed[1, 0].sum() == 5  # a pixel and its four neighbours
    assert not changed[[0, 2]].any()


def test_points_near_the_hand_move_with_it() -> None:
    points = np.array([[0.0, 0.0], [0.2, 0.0], [2.0, 2.0]], np.float32)
    moved = edits.drag(points, (0.0, 0.0), (1.0, -1.0))
    np.testing.assert_allclose(moved[0], [1.0, -1.0])
    assert 0.2 < moved[1, 0] < 1.2
    np.testing.assert_array_equal(moved[2], points[2])


# --- in the window -------------------------------------------------------------------------------------------


@pytest.fixture
def made(hand: Hand) -> Hand:
    """A finished run of 6 DDIM steps, step 3 on show."""
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(3)
    hand.settle()
    return hand


def action(hand: Hand, name: str) -> QAction:
    button = hand.find(EditButton, "editButton")
    assert button.isEnabled()
    button.fill()
    return hand.find(QAction, f"edit:{name}")


def place(hand: Hand, x: float, y: float) -> QPoint:
    view = hand.window.tile("x_t").view()
    assert view is not None
    return view.to_widget(QPointF(x, y)).toPoint()


def stroke(hand: Hand, *places: tuple[float, float], button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    view = hand.window.tile("x_t").view()
    assert view is not None
    QTest.mousePress(view, button, pos=place(hand, *places[0]))
    for x, y in places[1:]:
        QTest.mouseMove(view, place(hand, x, y))
    QTest.mouseRelease(view, button, pos=place(hand, *places[-1]))
    hand.settle()


def test_an_edit_goes_on_as_a_branch_and_the_run_stays(made: Hand) -> None:
    hand = made
    parent, before = on_show(hand), hand.data("x_t")
    action(hand, "mirror").trigger()
    hand.settle()
    child = on_show(hand)
    assert child.parent == (parent.number, 3)
    assert np.array_equal(hand.data("x_t"), before[..., ::-1])
    assert tree(hand).words(child).endswith("at step 3: flip left to right")
    mirrored = hand.data("x_t")
    hand.play_to_end()
    assert child.finished
    end = hand.data("x_t")
    hand.session.set_step(3)
    hand.settle()
    assert np.array_equal(hand.data("x_t"), mirrored)
    # The choices of the branch change; it begins again with the same edit.
    hand.type_into(hand.spin("samplerSeedSpin"), "4")
    hand.settle()
    assert on_show(hand) is child
    assert np.array_equal(hand.data("x_t"), mirrored)
    hand.play_to_end()
    assert np.array_equal(hand.data("x_t"), end)  # DDIM takes no noise
    hand.session.show_run(parent.number, 3)
    hand.settle()
    assert np.array_equal(hand.data("x_t"), before)


def test_edits_of_one_step_add_up_in_one_branch(made: Hand) -> None:
    hand = made
    before = hand.data("x_t")
    for name in ("mirror", "blur", "upside_down"):
        action(hand, name).trigger()
        hand.settle()
    assert len(hand.session.family) == 2
    assert np.array_equal(hand.data("x_t"), APPLY["upside_down"](edits.blur(APPLY["mirror"](before))))
    assert on_show(hand).edit_name == "flip left to right, blur, flip upside down"


def test_painting_on_the_tile(made: Hand) -> None:
    hand = made
    before = hand.data("x_t")
    action(hand, "brush").trigger()
    stroke(hand, (1.5 / 8, 2.5 / 8), (2.5 / 8, 2.5 / 8), (3.5 / 8, 2.5 / 8))
    after = hand.data("x_t")
    changed = (after != before)[0, 0]
    assert changed[2, 1:4].all()
    assert changed.sum() == 3
    assert (after[0, 0, 2, 1:4] == 1).all()
    stroke(hand, (6.5 / 8, 6.5 / 8), button=Qt.MouseButton.RightButton)
    assert hand.data("x_t")[0, 0, 6, 6] == -1
    assert len(hand.session.family) == 2, "one branch for all strokes"
    hand.play_to_end()
    assert on_show(hand).finished
    assert action(hand, "brush").isChecked()
    action(hand, "brush").trigger()
    hand.session.set_step(3)
    hand.settle()
    kept = hand.data("x_t")
    stroke(hand, (0.5, 0.5))
    assert np.array_equal(hand.data("x_t"), kept), "the mouse is for looking again"


def test_data_noised_to_this_time(made: Hand) -> None:
    hand = made
    t = hand.window.state.t
    action(hand, "sample2").trigger()
    hand.settle()
    put_in = hand.data("x_t")
    assert "data 2 put in" in tree(hand).words(on_show(hand))
    hand.choose(hand.combo("sourceCombo"), "forward")
    hand.session.change(sample=2)
    hand.session.set_time(t)
    hand.settle()
    assert np.array_equal(hand.data("x_t"), put_in)


def test_a_picture_noised_to_this_time(made: Hand, picture_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = made
    before = hand.data("x_t")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(picture_file), ""))
    action(hand, "picture").trigger()
    hand.settle()
    assert not np.array_equal(hand.data("x_t"), before)
    assert "“ramp.png” put in, noised" in tree(hand).words(on_show(hand))


def test_edits_without_the_tile_of_x_t(made: Hand) -> None:
    hand = made
    hand.session.change(lenses=("x0", "eps"))
    hand.settle()
    before = hand.session.x_t
    assert before is not None
    action(hand, "negate").trigger()
    hand.settle()
    assert hand.session.x_t is not None
    assert np.array_equal(hand.session.x_t, -before)
    action(hand, "brush").trigger()
    assert hand.sentences[-1] == "Painting takes the tile x_t: show it in View ▸ Tiles."


def test_points_are_dragged(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(2)
    hand.settle()
    before = hand.data("x_t")
    action(hand, "brush").trigger()
    stroke(hand, (0.5, 0.5), (0.6, 0.4), (0.7, 0.3))
    moved = hand.data("x_t") - before
    assert 0 < (np.abs(moved) > 1e-3).any(axis=1).mean() < 1
    assert moved[:, 0].max() > 0
    assert moved[:, 1].max() > 0
    assert on_show(hand).edit_name == "points moved"
    hand.play_to_end()
    assert on_show(hand).finished


def test_a_forward_view_is_not_edited(hand: Hand) -> None:
    assert not hand.button("editButton").isEnabled()
