"""How a model gets into the window: from the command line, the gallery, the menu, or dropped on it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMenu, QPushButton, QToolButton

from explorer.ui import gallery
from explorer.ui.gallery import Gallery, ModelCard
from tests.ui.opened import is_gallery, is_open

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


@pytest.fixture
def gallery_of_tiny(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """A gallery that offers the tiny model alone."""
    monkeypatch.setattr(gallery, "CHECKPOINTS", tiny.parent)


# --- the first second ----------------------------------------------------------------------------------------

STARTING = """
    import json, sys, threading, time
    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtWidgets import QApplication, QLabel
    from explorer.ui.gallery import Gallery
    from explorer.ui.window import MainWindow

    def heavy():
        slow = {"torch", "diffusers", "pyqtgraph", "explorer.formats.registry"}
        return sorted(slow & sys.modules.keys()) + [t.name for t in threading.enumerate()][1:]

    class FirstPaint(QObject):
        seen = None
        def eventFilter(self, watched, event):
            if self.seen is None and event.type() == QEvent.Type.Paint and watched.window() is window:
                status = window.findChild(QLabel, "statusMessage")
                gallery = window.findChild(Gallery).isVisible()
                self.seen = {"heavy": heavy(), "visible": window.isVisible(), "gallery": gallery}
                self.seen["says"] = status.text() if status.isVisible() else ""
            return False

    app = QApplication([])
    window = MainWindow(sys.argv[1])
    window.resize(1000, 700)
    first = FirstPaint()
    app.installEventFilter(first)
    window.show()
    while first.seen is None:
        app.processEvents()
    status = window.findChild(QLabel, "statusMessage")
    told = []
    pictures = []
    window.session.seen.connect(pictures.append)
    while not pictures:
        time.sleep(0.002)  # the thread that loads torch needs its turn
        app.processEvents()
        if not pictures and window.session.busy and (not told or told[-1] != status.text()):
            told.append(status.text())
    x_t = window.tile("x_t").data()
    report = {"paint": first.seen, "told": told, "sum": float(abs(x_t).sum()), "torch": "torch" in sys.modules}
    window.close()
    print(json.dumps(report))
"""


def test_the_window_is_painted_before_torch_is_loaded_and_says_what_it_does(tiny: Path) -> None:
    program = [sys.executable, "-c", textwrap.dedent(STARTING), str(tiny)]
    root = Path(__file__).parents[2]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=240, cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["paint"] == {"heavy": [], "visible": True, "gallery": False, "says": "Loading PyTorch…"}
    assert report["torch"]
    assert report["sum"] > 0
    told = report["told"]
    assert all(told), told  # never silent before the first picture
    assert told[0] == "Loading PyTorch…"
    assert "Reading the weights…" in told


def test_opening_from_a_path(hand: Hand, tiny: Path) -> None:
    assert is_open(hand, tiny)
    assert "Tiny" in hand.window.windowTitle()
    assert hand.find(QToolButton, "modelButton").text() == "Tiny"
    assert not hand.banner.isVisible()
    assert hand.window.state.t == hand.slider.value() == 40
    for lens, data in hand.shown().items():
        assert data.shape == (1, 1, 8, 8), lens
        assert hand.window.tile(lens).isVisible()
        assert hand.window.tile(lens).objectName() == f"lens:{lens}"
    with pytest.raises(KeyError):
        hand.window.tile("nonsense")


def test_without_a_path_there_is_the_gallery(make_hand: MakeHand, gallery_of_tiny: None) -> None:
    hand = make_hand()
    assert is_gallery(hand)
    assert hand.session.facts is None
    assert hand.status == "Ready."
    assert [card.accessibleName() for card in hand.window.findChildren(ModelCard)] == ["Open Tiny"]


def test_a_card_is_clicked(make_hand: MakeHand, gallery_of_tiny: None, tiny: Path) -> None:
    hand = make_hand()
    QTest.mouseClick(hand.find(ModelCard), Qt.MouseButton.LeftButton)
    hand.settle()
    assert is_open(hand, tiny)
    assert hand.data("x_t").any()


def test_a_card_is_clicked_before_torch_is_there(make_hand: MakeHand, gallery_of_tiny: None, tiny: Path) -> None:
    hand = make_hand(settled=False)
    QTest.mouseClick(hand.find(ModelCard), Qt.MouseButton.LeftButton)
    hand.settle()
    assert is_open(hand, tiny)
    assert hand.data("x_t").any()


def test_the_right_button_and_a_press_that_slips_off_open_nothing(make_hand: MakeHand, gallery_of_tiny: None) -> None:
    hand = make_hand()
    card = hand.find(ModelCard)
    QTest.mouseClick(card, Qt.MouseButton.RightButton)
    QTest.mousePress(card, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(card, Qt.MouseButton.LeftButton, pos=QPoint(-5, -5))
    assert not hand.window.busy
    assert is_gallery(hand)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_the_gallery_by_keyboard(make_hand: MakeHand, gallery_of_tiny: None, tiny: Path, key: Qt.Key) -> None:
    hand = make_hand()
    card = hand.find(ModelCard)
    for _ in range(10):
        if QApplication.focusWidget() is card:
            break
        hand.key(Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is card
    hand.key(Qt.Key.Key_X)  # not ours
    assert is_gallery(hand)
    hand.key(key)
    hand.settle()
    assert is_open(hand, tiny)
    assert not hand.session.playing


# --- recent models -------------------------------------------------------------------------------------------


def recent(hand: Hand) -> list[QLabel]:
    """The links of the gallery."""
    QApplication.sendPostedEvents(None, 52)  # DeferredDelete: links that were replaced
    return [label for label in hand.find(Gallery).findChildren(QLabel) if "<a href" in label.text()]


def test_recent_models_are_offered_the_newest_first(make_hand: MakeHand, tiny: Path, plane: Path) -> None:
    first = make_hand(tiny)
    first.window.open(str(plane))
    first.settle()
    first.window.close()
    hand = make_hand()
    links = recent(hand)
    assert [str(plane) in links[0].text(), str(tiny) in links[1].text(), len(links)] == [True, True, 2]
    QTest.mouseClick(links[1], Qt.MouseButton.LeftButton, pos=QPoint(4, links[1].height() // 2))
    hand.settle()
    assert is_open(hand, tiny)


def test_the_gallery_comes_back_from_the_menu_with_what_was_opened(hand: Hand, tiny: Path) -> None:
    hand.key(Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert is_gallery(hand)
    assert any(str(tiny) in link.text() for link in recent(hand))


def test_the_model_menu_offers_shipped_and_recent_models(
    make_hand: MakeHand, gallery_of_tiny: None, plane: Path, tiny: Path
) -> None:
    hand = make_hand(plane)
    menu = hand.find(QToolButton, "modelButton").menu()
    menu.popup(QPoint(0, 0))
    titles = [action.text() for action in menu.actions()]
    assert "Tiny" in titles
    assert any(str(plane) in title for title in titles)
    action = next(action for action in menu.actions() if action.text() == "Tiny")
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    hand.settle()
    assert is_open(hand, tiny)


# --- the dialog ----------------------------------------------------------------------------------------------


def answer_folder(monkeypatch: pytest.MonkeyPatch, path: str) -> list[str]:
    """Let the dialog answer at once; returns the list that its titles go to."""
    asked: list[str] = []

    def answer(parent: object = None, caption: str = "", *_: object) -> str:
        asked.append(caption)
        return path

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    return asked


def test_file_open_with_the_mouse(hand: Hand, monkeypatch: pytest.MonkeyPatch, plane: Path) -> None:
    asked = answer_folder(monkeypatch, str(plane))
    bar = hand.window.menuBar()
    file = bar.actions()[0]
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.actionGeometry(file).center())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    entry = next(action for action in menu.actions() if "Open model" in action.text().replace("&", ""))
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(entry).center())
    assert len(asked) == 1
    hand.settle()
    assert is_open(hand, plane)


@pytest.mark.parametrize(
    ("key", "modifier"),
    [(Qt.Key.Key_O, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)],
)
def test_file_open_by_key(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, plane: Path, key: Qt.Key, modifier: Qt.KeyboardModifier
) -> None:
    asked = answer_folder(monkeypatch, str(plane))
    hand.key(key, modifier)
    assert len(asked) == 1
    hand.settle()
    assert is_open(hand, plane)


def test_the_gallery_s_button_opens_the_dialog(
    make_hand: MakeHand, monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    hand = make_hand()
    answer_folder(monkeypatch, str(tiny))
    QTest.mouseClick(hand.find(QPushButton, "galleryOpenButton"), Qt.MouseButton.LeftButton)
    hand.settle()
    assert is_open(hand, tiny)


def test_a_dialog_that_is_cancelled_changes_nothing(hand: Hand, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    asked = answer_folder(monkeypatch, "")
    before = hand.window.state
    hand.key(Qt.Key.Key_O)
    assert asked
    assert not hand.window.busy
    assert hand.window.state == before
    assert is_open(hand, tiny)


# --- the gallery over an open model ----------------------------------------------------------------------------


def test_a_way_back_from_the_gallery(make_hand: MakeHand, tiny: Path) -> None:
    hand = make_hand(tiny)
    t = hand.window.state.t
    hand.key(Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert is_gallery(hand)
    hand.key(Qt.Key.Key_Space)
    hand.key(Qt.Key.Key_Right)
    assert not hand.session.playing
    assert hand.window.state.t == t
    hand.click("galleryBackButton")
    assert not is_gallery(hand)
    hand.key(Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    hand.key(Qt.Key.Key_Escape)
    assert not is_gallery(hand)
    hand.key(Qt.Key.Key_Right)
    hand.settle()
    assert hand.window.state.t == t + 1


def test_no_way_back_without_a_model(make_hand: MakeHand) -> None:
    hand = make_hand()
    assert not hand.find(QPushButton, "galleryBackButton").isVisible()
    hand.key(Qt.Key.Key_Escape)
    assert is_gallery(hand)
