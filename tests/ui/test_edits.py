"""Editing x_t by hand in the window: each edit goes on as a branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from explorer.ui import edits
from explorer.ui.edit_menu import EditButton
from tests.ui.test_branches import on_show, tree
from tests.ui.test_edit_arrays import APPLY

if TYPE_CHECKING:
    from tests.ui.hand import Hand


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


def stroke(
    hand: Hand,
    *places: tuple[float, float],
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    view = hand.window.tile("x_t").view()
    assert view is not None
    QTest.mousePress(view, button, modifiers, place(hand, *places[0]))
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
    for name in ("mirror", "blur", "upside_down", "blur"):
        action(hand, name).trigger()
        hand.settle()
    assert len(hand.session.family) == 2
    assert np.array_equal(hand.data("x_t"), edits.blur(APPLY["upside_down"](edits.blur(APPLY["mirror"](before)))))
    assert on_show(hand).edit_name == "flip left to right, flip upside down, blur"


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


def select(hand: Hand, *places: tuple[float, float], how: str = "rectangle", **options: Any) -> NDArray[np.bool_]:
    if not action(hand, f"select_{how}").isChecked():
        action(hand, f"select_{how}").trigger()
    stroke(hand, *places, **options)
    mask = hand.find(EditButton, "editButton").selecting.mask
    return np.zeros((8, 8), np.bool_) if mask is None else mask


def test_edits_are_for_what_is_selected(made: Hand) -> None:
    hand = made
    before = hand.data("x_t")
    mask = select(hand, (1.5 / 8, 2.5 / 8), (3.5 / 8, 4.5 / 8))
    expected = np.zeros((8, 8), np.bool_)
    expected[2:5, 1:4] = True
    np.testing.assert_array_equal(mask, expected)
    action(hand, "noise").trigger()
    hand.settle()
    after = hand.data("x_t")
    np.testing.assert_array_equal(after != before, np.broadcast_to(expected, before.shape))
    assert on_show(hand).edit_name == "add noise, 0.3 ε in the selection"
    # More of them, then fewer, then all the others.
    shift = Qt.KeyboardModifier.ShiftModifier
    expected[7, 7] = True
    np.testing.assert_array_equal(select(hand, (7.5 / 8, 7.5 / 8), modifiers=shift), expected)
    expected[2] = False
    right = Qt.MouseButton.RightButton
    np.testing.assert_array_equal(select(hand, (0.5 / 8, 2.5 / 8), (7.5 / 8, 2.5 / 8), button=right), expected)
    action(hand, "invert").trigger()
    others = hand.find(EditButton, "editButton").selecting.mask
    assert others is not None
    np.testing.assert_array_equal(others, ~expected)
    # The brush paints inside it, too.
    action(hand, "brush").trigger()
    stroke(hand, (0.5 / 8, 3.5 / 8), (1.5 / 8, 3.5 / 8))
    painted = hand.data("x_t") != after
    assert painted[0, 0, 3, 0]
    assert painted.sum() == 1
    assert len(hand.session.family) == 2
    assert hand.spin("samplerSeedSpin").isEnabled()
    for _ in range(2):  # the brush is put down, then nothing is selected
        assert hand.find(EditButton, "editButton").selecting.mask is not None
        hand.window.leave()
    assert hand.find(EditButton, "editButton").selecting.mask is None


def test_a_selection_is_painted(made: Hand) -> None:
    hand = made
    mask = select(hand, (1.5 / 8, 2.5 / 8), (2.5 / 8, 2.5 / 8), how="brush")
    assert np.argwhere(mask).tolist() == [[2, 1], [2, 2]]
    assert select(hand, (1.5 / 8, 2.5 / 8), how="brush", button=Qt.MouseButton.RightButton).sum() == 1
    assert "Selected: 1 × 1 pixels at (2, 2)" in hand.button("editButton").toolTip()
    action(hand, "unselect").trigger()
    assert hand.find(EditButton, "editButton").selecting.mask is None


def test_data_and_pictures_are_put_into_the_selection(
    made: Hand, picture_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hand = made
    before, t = hand.data("x_t"), hand.window.state.t
    mask = select(hand, (2.5 / 8, 0.5 / 8), (5.5 / 8, 5.5 / 8))
    action(hand, "negate").trigger()
    hand.settle()
    action(hand, "sample2").trigger()
    hand.settle()
    put_in = hand.data("x_t")
    assert on_show(hand).edit_name == "negate, −x_t in the selection, data 2 put in, noised in the selection"
    np.testing.assert_array_equal(put_in[..., ~mask], before[..., ~mask])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(picture_file), ""))
    action(hand, "fitted").trigger()
    hand.settle()
    fitted = hand.data("x_t")
    np.testing.assert_array_equal(fitted[..., ~mask], before[..., ~mask])
    assert not np.isclose(fitted[..., mask], put_in[..., mask]).all()
    hand.play_to_end()
    end = hand.data("x_t")
    # It is part of a saved session, and of the branch when that begins again there.
    hand.session.save_session(str(tmp_path / "a.dxsession"))
    hand.settle()
    hand.window.open(str(tmp_path / "a.dxsession"))
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t"), end)
    hand.type_into(hand.spin("samplerSeedSpin"), "4")
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t"), fitted)
    # What was put in is the sample, noised.
    hand.choose(hand.combo("sourceCombo"), "forward")
    hand.session.change(sample=2)
    hand.session.set_time(t)
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t")[..., mask], put_in[..., mask])


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
