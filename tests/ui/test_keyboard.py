"""The keyboard: shortcuts, what a focused control keeps for itself, and a way to everything by Tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from explorer.ui.actions import NAMES, ROWS
from explorer.ui.gallery import ModelCard
from explorer.ui.side_panel import SidePanel

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, ModelCard)
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


def controls(hand: Hand) -> list[QWidget]:
    """Everything that can be used now."""
    found = [w for w in hand.window.findChildren(QWidget) if isinstance(w, CONTROLS) and not isinstance(w, QScrollBar)]
    return [w for w in found if w.isVisible() and w.isEnabled() and not isinstance(w.parent(), QLineEdit)]


def reached_by_tab(hand: Hand) -> list[QWidget]:
    """Where Tab leads, until it comes round."""
    reached: list[QWidget] = []
    for _ in range(200):
        hand.key(Qt.Key.Key_Tab)
        widget = QApplication.focusWidget()
        assert widget is not None
        if widget in reached:
            return reached
        reached.append(widget)
    pytest.fail("Tab never comes round")


def name(widget: QWidget) -> str:
    return widget.objectName() or type(widget).__name__


@pytest.mark.parametrize("where", ["forward", "guided", "reverse", "banner"])
def test_every_control_is_reached_by_tab_and_has_a_name(hand: Hand, where: str) -> None:
    if where == "guided":
        hand.choose(hand.combo("labelCombo"), 1)
    elif where == "reverse":
        hand.type_into(hand.spin("stepsSpin"), "4")
        hand.reverse()
        hand.play_to_end()
        hand.key(Qt.Key.Key_Left)
    elif where == "banner":
        hand.window.open("/nowhere/at/all")
    hand.settle()
    usable = controls(hand)
    assert len(usable) > 15
    reached = reached_by_tab(hand)
    assert [name(w) for w in usable if w not in reached] == []
    nameless = []
    for widget in usable:
        accessible = QAccessible.queryAccessibleInterface(widget)
        if not accessible.text(QAccessible.Text.Name).strip():
            nameless.append(name(widget))
    assert nameless == []
    names = {w.objectName() for w in usable}
    assert {"timestepSlider", "timestepSpin", "sourceCombo", "samplerCombo", "stepsSpin", "playButton"} <= names


@pytest.mark.parametrize("title", ["Plots", "Model"])
def test_tab_goes_from_the_side_to_the_timeline_as_one_reads(hand: Hand, title: str) -> None:
    side = hand.find(SidePanel)
    side.select(title)
    hand.settle()
    hand.button("modelButton").setFocus()
    reached = reached_by_tab(hand)
    below = ["resetButton", "playButton", "speedCombo", "timestepSpin", "scaleCombo", "timestepSlider"]
    places = [next(i for i, w in enumerate(reached) if w.objectName() == name) for name in below]
    assert places == sorted(places)
    inside = [i for i, w in enumerate(reached) if side.isAncestorOf(w)]
    choices = next(i for i, w in enumerate(reached) if w.objectName() == "samplerCombo")
    assert choices < min(inside) <= max(inside) < places[0]


def test_the_points_too(plane_hand: Hand) -> None:
    reached = reached_by_tab(plane_hand)
    assert [name(w) for w in controls(plane_hand) if w not in reached] == []


def test_the_gallery_too(make_hand: MakeHand) -> None:
    hand = make_hand()
    reached = reached_by_tab(hand)
    usable = controls(hand)
    assert usable
    assert [name(w) for w in usable if w not in reached] == []
    assert all(QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name) for w in usable)


# --- what a focused control keeps ----------------------------------------------------------------------------


def test_space_plays_from_a_list_too_and_alt_down_opens_it(hand: Hand) -> None:
    combo = hand.combo("labelCombo")
    combo.setFocus()
    hand.key(Qt.Key.Key_Space)
    assert not combo.view().isVisible()
    hand.settle()
    assert hand.window.state.source == "reverse"
    assert hand.session.run is not None
    assert hand.session.run.finished
    combo.setFocus()
    hand.key(Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert combo.view().isVisible()
    popup = QApplication.activePopupWidget()
    assert popup is not None
    seed = hand.window.state.sampler_seed
    hand.key(Qt.Key.Key_R, window=popup.windowHandle())
    hand.key(Qt.Key.Key_Escape, window=popup.windowHandle())
    assert not combo.view().isVisible()
    assert hand.window.state.sampler_seed == seed, "letters belong to an open list"


def test_space_on_a_button_presses_that_button(hand: Hand) -> None:
    seed = hand.window.state.noise_seed
    hand.button("redrawButton").setFocus()
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    assert hand.window.state.noise_seed != seed
    assert not hand.session.playing
    assert hand.window.state.source == "forward"


def test_space_plays_after_a_click_or_a_number_that_was_entered(hand: Hand) -> None:
    clip = hand.button("sampler:clip")
    before = clip.isChecked()
    QTest.mouseClick(clip, Qt.MouseButton.LeftButton, pos=QPoint(8, clip.height() // 2))
    assert clip.hasFocus()
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    assert clip.isChecked() is not before
    first = hand.session.run
    assert first is not None
    assert first.finished
    hand.type_into(hand.spin("samplerSeedSpin"), "5")
    hand.settle()
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    assert hand.session.run is not first
    assert hand.session.run is not None
    assert hand.session.run.finished
    hand.key(Qt.Key.Key_Home)
    assert hand.window.state.step == 0
    assert hand.spin("samplerSeedSpin").value() == 5


def test_space_on_a_check_box_ticks_it(hand: Hand) -> None:
    clip = hand.button("sampler:clip")
    before = clip.isChecked()
    clip.setFocus()
    hand.key(Qt.Key.Key_Space)
    assert clip.isChecked() is not before
    assert not hand.session.playing


@pytest.mark.parametrize("focus", ["playButton", "timestepSlider"])
def test_space_plays_once_elsewhere(hand: Hand, focus: str) -> None:
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.find(QWidget, focus).setFocus()
    playing = []
    for _ in range(2):
        hand.key(Qt.Key.Key_Space)
        playing.append(hand.session.playing)
    assert playing == [True, False], "one key is not taken twice, by the button and by the window"
    hand.settle()


@pytest.mark.parametrize("box", ["timestepSpin", "noiseSeedSpin", "guidanceSpin"])
def test_arrows_in_a_number_move_its_text_cursor(hand: Hand, box: str) -> None:
    hand.choose(hand.combo("labelCombo"), 1)
    hand.session.change(noise_seed=1234)
    hand.settle()
    spin = hand.find(QAbstractSpinBox, box)
    spin.setFocus()
    hand.key(Qt.Key.Key_End)
    edit = spin.findChild(QLineEdit)
    assert isinstance(edit, QLineEdit)
    edit.deselect()
    hand.key(Qt.Key.Key_Left)  # where there is a suffix, this leaves it
    state, place = hand.window.state, edit.cursorPosition()
    hand.key(Qt.Key.Key_Left)
    assert edit.cursorPosition() == place - 1
    hand.key(Qt.Key.Key_Right)
    assert edit.cursorPosition() == place
    hand.key(Qt.Key.Key_Home)
    assert edit.cursorPosition() < place
    hand.key(Qt.Key.Key_Right, SHIFT)
    assert len(edit.selectedText()) == 1
    assert hand.window.state == state


def test_typing_a_number_takes_effect_as_a_whole(hand: Hand) -> None:
    spin = hand.spin("timestepSpin")
    spin.setFocus()
    spin.selectAll()
    for digit in (Qt.Key.Key_7, Qt.Key.Key_3):
        hand.key(digit)
        assert hand.window.state.t == 40
    hand.key(Qt.Key.Key_Return)
    assert hand.window.state.t == 73
    hand.settle()


def test_arrows_in_a_list_move_the_time(hand: Hand) -> None:
    hand.combo("samplerCombo").setFocus()
    hand.key(Qt.Key.Key_Right)
    hand.settle()
    assert hand.window.state.t == 41
    assert hand.window.state.sampler == "ddim"


# --- the panel of shortcuts ----------------------------------------------------------------------------------


def test_the_shortcuts_panel_names_every_key(hand: Hand) -> None:
    panel = hand.find(QLabel, "shortcuts")
    assert not panel.isVisible()
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Question)
    assert panel.isVisible()
    for row in ROWS:
        assert all(NAMES.get(key, key) in panel.text() for key in row.keys), row
    frame = hand.window.screen().availableGeometry()
    assert panel.height() <= frame.height()
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton)
    assert not panel.isVisible()
    hand.key(Qt.Key.Key_Question)
    assert panel.isVisible()
    hand.key(Qt.Key.Key_Question, window=panel.windowHandle())
    assert not panel.isVisible()


def test_no_two_actions_share_a_key() -> None:
    keys = [key for row in ROWS for key in row.keys]
    assert len(keys) == len(set(keys))


def test_keys_do_nothing_harmful_without_a_model(make_hand: MakeHand) -> None:
    hand = make_hand()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_R):
        for modifier in (PLAIN, SHIFT):
            hand.key(key, modifier)
    hand.key(Qt.Key.Key_Z)
    assert not hand.window.busy
    assert not hand.session.playing
    assert hand.sentences == []
    assert hand.session.facts is None
