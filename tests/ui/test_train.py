"""The tab Train: a network is made, learns while it is looked at, pauses, and is saved."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from explorer.formats import registry
from explorer.training.live import steps_behind
from explorer.ui import share
from explorer.ui.drawing_pad import DrawingPad
from explorer.ui.side_panel import SidePanel
from explorer.ui.train_panel import TrainPanel
from tests.ui.hand import Hand, MakeHand


def panel_of(hand: Hand) -> TrainPanel:
    panel = hand.find(TrainPanel)
    hand.find(SidePanel).setCurrentWidget(panel)
    return panel


def test_a_drawing_is_learned_paused_and_saved(make_hand: MakeHand, plane: Path, tmp_path: Path) -> None:
    hand = make_hand(plane)
    panel = panel_of(hand)
    hand.choose(hand.combo("trainData"), "")
    hand.choose(hand.combo("trainPrediction"), "eps")
    hand.click("trainButton")
    hand.until(lambda: bool(hand.sentences))
    assert "Draw something first" in hand.sentences[-1]
    pad = hand.find(DrawingPad)
    side, left = min(pad.width(), pad.height()), (pad.width() - min(pad.width(), pad.height())) // 2
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(left + side // 4, side // 2))
    QTest.mouseMove(pad, QPoint(left + side // 2, side // 2))
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(left + side // 2, side // 2))
    assert len(pad.strokes) == 1
    hand.click("trainButton")
    hand.until(lambda: len(panel._losses) >= 2)
    assert hand.session.facts is not None
    assert hand.session.facts.title == "Your drawing, trained here"
    hand.until(lambda: panel.training)
    hand.settle()  # training alone does not make the window busy
    before = hand.data("score")
    seen = len(panel._losses)
    hand.until(lambda: len(panel._losses) > seen + 1)
    hand.until(lambda: not np.array_equal(before, hand.data("score")))
    hand.click("trainButton")
    hand.until(lambda: not panel.training)
    hand.settle()
    panel.save(str(tmp_path / "kept"))
    hand.until(lambda: (tmp_path / "kept" / "model.safetensors").exists() and not hand.window.busy)
    kept = registry.load(tmp_path / "kept", "cpu")
    assert kept.facts.prediction == "eps"
    assert kept.truth is not None
    share.save_session(hand.window)
    assert "may learn on" in hand.sentences[-1]
    hand.click("trainButton")
    hand.until(lambda: panel.training)
    hand.window.open(str(plane))
    hand.settle()
    hand.until(lambda: not panel.training)
    assert not hand.window.network_is_draft


def test_what_was_learned_is_there_after_a_kill(
    make_hand: MakeHand, plane: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is not told that it ends: what lies on the disk while it trains is opened by another one."""
    monkeypatch.setattr("explorer.engine.training.KEEP_SECONDS", 0.2)
    hand = make_hand(plane)
    panel = panel_of(hand)
    hand.choose(hand.combo("trainData"), "mixture_1d")
    hand.click("trainButton")
    hand.until(lambda: panel.training)
    trained = Path(panel._path)
    untrained = (trained / "model.safetensors").read_bytes()
    assert set(hand.window.state.lenses) >= {"step_line", "x_t"}
    hand.until(lambda: (trained / "model.safetensors").read_bytes() != untrained)
    hand.until(lambda: steps_behind(trained) > 0)
    left = trained.with_name("mixture_1d-left")
    shutil.copytree(trained, left)
    known = steps_behind(left)
    hand.choose(hand.combo("trainData"), "moons")
    hand.window.open(str(left))
    hand.settle()
    assert hand.combo("trainData").currentData() == "mixture_1d"
    hand.click("trainButton")
    hand.until(lambda: bool(panel._losses))
    assert panel._steps[0] > known, "it goes on from there"
    assert trained.is_dir()


def test_closing_the_window_ends_training(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    panel = panel_of(hand)
    hand.click("trainButton")
    hand.until(lambda: panel.training)
    hand.window.close()
    assert not hand.window._runner._worker._thread.is_alive()
