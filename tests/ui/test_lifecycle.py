"""Busy and idle, opening while something runs, and closing at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QProgressBar, QPushButton
from pytestqt.qtbot import QtBot

from explorer.engine import worker
from explorer.ui.gallery import Gallery
from explorer.ui.window import MainWindow

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


Engines = Callable[[], list[threading.Thread]]


@pytest.fixture
def engines() -> Engines:
    """The engines' threads that this test has started."""
    before = set(threading.enumerate())
    return lambda: [thread for thread in threading.enumerate() if thread.name == "engine" and thread not in before]


def test_busy_says_what_is_going_on(qtbot: QtBot, tiny: Path) -> None:
    window = MainWindow(str(tiny))
    qtbot.addWidget(window)
    said: list[bool] = []
    agreed: list[bool] = []
    window.busyChanged.connect(said.append)
    window.busyChanged.connect(lambda busy: agreed.append(busy == window.busy))
    assert window.busy, "before the engine is there"
    window.show()
    qtbot.waitUntil(lambda: not window.busy, timeout=60_000)
    assert window.tile("x_t").data().any(), "idle means that the picture is there"
    assert said[-1] is False
    said.clear()
    window.session.set_time(10)
    assert window.busy
    qtbot.waitUntil(lambda: not window.busy, timeout=60_000)
    assert said == [True, False]
    said.clear()
    window.session.change(source="reverse", steps=10)
    window.session.play()
    assert window.busy
    qtbot.waitUntil(lambda: not window.busy, timeout=60_000)
    assert said == [True, False]
    assert window.state.t == 0
    assert all(agreed)


def test_busy_ends_too_where_opening_fails(make_hand: MakeHand, tmp_path: Path) -> None:
    hand = make_hand(settled=False)
    said: list[bool] = []
    hand.window.busyChanged.connect(said.append)
    hand.window.open(str(tmp_path / "absent"))
    hand.settle()
    assert not said or said[-1] is False


def test_what_takes_long_is_shown_and_can_be_cancelled(hand: Hand) -> None:
    hand.reverse()
    hand.combo("speedCombo").setCurrentText("1 step/s")
    progress, cancel = hand.find(QProgressBar, "progressBar"), hand.find(QPushButton, "cancelButton")
    assert not progress.isVisible()
    assert not cancel.isVisible()
    hand.click("playButton")
    assert not progress.isVisible(), "nothing flickers for what is done in a moment"
    hand.until(progress.isVisible)
    assert cancel.isVisible()
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    hand.settle()
    assert not hand.session.playing
    assert not progress.isVisible()
    assert not cancel.isVisible()
    assert hand.window.state.step < 50
    hand.drag_slider(0)
    hand.settle()


def test_closing_while_a_run_plays(make_hand: MakeHand, tiny: Path, engines: Engines) -> None:
    hand = make_hand(tiny)
    hand.reverse()
    hand.combo("speedCombo").setCurrentText("1 step/s")
    hand.click("playButton")
    hand.until(lambda: hand.session.playing and hand.window.busy)
    assert len(engines()) == 1
    seen = len(hand.frames)
    hand.window.close()
    assert engines() == []
    hand.qtbot.wait(50)
    assert len(hand.frames) == seen, "nothing arrives after the end"


def test_closing_while_a_recorded_run_is_shown(make_hand: MakeHand, tiny: Path, engines: Engines) -> None:
    hand = make_hand(tiny)
    hand.type_into(hand.spin("stepsSpin"), "8")
    hand.reverse()
    hand.play_to_end()
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.click("playButton")
    assert hand.session.playing
    hand.window.close()
    assert engines() == []
    hand.qtbot.wait(300)  # longer than a step of it
    assert not hand.window.isVisible()


@pytest.mark.parametrize("when", ["at once", "while torch loads", "while the weights are read"])
def test_closing_while_a_model_loads(make_hand: MakeHand, tiny: Path, when: str, engines: Engines) -> None:
    hand = make_hand(tiny, settled=False)
    if when == "while torch loads":
        hand.until(lambda: bool(engines()))
    elif when == "while the weights are read":
        said: list[str] = []
        hand.session.progressed.connect(said.append)
        hand.session.progressed.connect(lambda message: message.startswith("Reading") and hand.window.close())
        hand.until(lambda: any(message.startswith("Reading") for message in said))
    hand.window.close()
    frames = len(hand.frames)  # a fast machine may have got as far as a picture
    assert engines() == []
    hand.qtbot.wait(50)
    assert engines() == [], "nothing starts after the end"
    assert len(hand.frames) == frames, "nothing is shown after the end"


def test_opening_another_model_while_a_run_plays(hand: Hand, plane: Path) -> None:
    hand.reverse()
    hand.combo("speedCombo").setCurrentText("5 steps/s")
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= 1)
    hand.drop(plane)
    hand.until(lambda: not hand.session.playing)
    hand.settle()
    assert hand.session.facts is not None
    assert hand.session.facts.path == str(plane)
    state = hand.window.state
    assert (state.source, state.step, state.model, state.label) == ("forward", 0, str(plane), None)
    assert hand.combo("sourceCombo").currentData() == "forward"
    assert hand.data("x_t").shape == (300, 2)
    hand.qtbot.wait(250)  # longer than a step of the old run
    assert hand.data("x_t").shape == (300, 2)
    hand.combo("speedCombo").setCurrentText("Full speed")
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.play_to_end()
    assert hand.window.state.t == 0
    assert hand.data("x_t").shape == (300, 2)


def test_the_last_of_several_models_opened_in_a_hurry_is_the_one_that_stays(
    hand: Hand, plane: Path, tiny: Path
) -> None:
    for path in (plane, tiny, plane, tiny, plane):
        hand.window.open(str(path))
    hand.settle()
    assert hand.session.facts is not None
    assert hand.session.facts.path == str(plane)
    assert hand.data("x_t").shape == (300, 2)
    assert not hand.banner.isVisible()


def test_going_to_and_fro_between_models(hand: Hand, plane: Path, tiny: Path) -> None:
    before = hand.shown()
    hand.window.open(str(plane))
    hand.settle()
    hand.window.open(str(tiny))
    hand.settle()
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())


def test_two_windows_one_after_the_other(make_hand: MakeHand, tiny: Path, engines: Engines) -> None:
    shown = []
    for _ in range(2):
        hand = make_hand(tiny)
        hand.slider.setFocus()
        hand.key(Qt.Key.Key_End)
        hand.settle()
        assert hand.window.state.t == 100
        shown.append(hand.shown())
        hand.window.close()
        assert engines() == []
    assert all(np.array_equal(shown[0][lens], shown[1][lens]) for lens in shown[0])


def test_two_windows_at_once_do_not_disturb_each_other(
    make_hand: MakeHand, tiny: Path, plane: Path, engines: Engines
) -> None:
    first, second = make_hand(tiny), make_hand(plane)
    assert len(engines()) == 2
    second.slider.setFocus()
    second.key(Qt.Key.Key_End)
    second.settle()
    assert (first.window.state.t, second.window.state.t) == (40, 50)
    second.window.close()
    first.window.activateWindow()
    first.drag_slider(70)
    first.settle()
    assert first.frames[-1][0].t == 70


@pytest.mark.parametrize("opening", [True, False])
def test_an_engine_that_cannot_start_is_told_of(
    make_hand: MakeHand, tiny: Path, monkeypatch: pytest.MonkeyPatch, opening: bool
) -> None:
    def broken() -> None:
        raise ImportError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr(worker, "_make_engine", broken)
    hand = make_hand(tiny if opening else None)
    assert hand.banner.isVisible()
    assert "libtorch.so" in hand.banner.text()
    assert "Loading" not in hand.status
    assert hand.find(Gallery).isVisible()
    QApplication.processEvents()
    hand.window.open(str(tiny))
    hand.settle()
    assert "libtorch.so" in hand.banner.text(), "said again rather than waiting for ever"


def test_opening_can_be_cancelled(hand: Hand, tiny: Path, plane: Path) -> None:
    hand.window.open(str(plane))
    hand.session.cancel()
    hand.settle()
    facts = hand.session.facts
    assert facts is not None
    assert Path(facts.path) == tiny
    t = hand.window.state.t + 3
    hand.slider.setValue(t)
    hand.settle()
    assert hand.window.tile("x_t").data().shape[1:] == facts.shape
    assert hand.window.state.t == t


def test_cancelling_the_first_model_leads_to_the_gallery(make_hand: MakeHand, tiny: Path) -> None:
    hand = make_hand(settled=False)
    hand.window.open(str(tiny))
    hand.session.cancel()
    hand.settle()
    assert hand.find(Gallery).isVisible()
    assert hand.session.facts is None
    hand.window.open(str(tiny))
    hand.settle()
    assert not hand.find(Gallery).isVisible()
