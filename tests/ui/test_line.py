"""A model of single numbers in the window, by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot

from explorer.lenses.drawable import Chart
from explorer.ui.window import MainWindow
from tests.ui.conftest import Hand, as_new
from tests.ui.test_guidance import show_tile

if TYPE_CHECKING:
    from explorer.ui.tile import Tile

TRUTH = {"weights": [0.4, 0.6], "means": [[-1], [1]], "covariances": [[[0.04]], [[0.09]]]}


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """The exact model of two Gaussians on a line."""
    folder = tmp_path / "line"
    folder.mkdir()
    values = {
        "format": "diffusion-explorer",
        "network": "exact",
        "schedule": {"name": "cosine", "T": 20},
        "kind": "points",
        "shape": [1],
        "truth": TRUTH,
        "class_names": ["left", "right"],
        "samples": {"count": 300},
    }
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


@pytest.fixture
def line_hand(qtbot: QtBot, shared_window: MainWindow, line: Path) -> Iterator[Hand]:
    """A window with that model open."""
    hand = Hand(qtbot, shared_window)
    as_new(shared_window, line)
    yield hand
    hand.let_go()


def words(tile: Tile) -> str:
    return " ".join(label.text() for label in tile.findChildren(QLabel))


def chart(hand: Hand, lens: str) -> Chart:
    drawn = hand.window.tile(lens)._drawable
    assert isinstance(drawn, Chart)
    return drawn


def test_the_step_is_seen_whole_and_a_sample_chooses_its_x0(line_hand: Hand) -> None:
    hand = line_hand
    show_tile(hand, "step_line")
    assert hand.data("x_t").shape == hand.data("score").shape == (300, 1)
    assert "KL" in words(hand.window.tile("step_line"))
    before = hand.data("step_line").copy()
    hand.type_into(hand.spin("imageSampleSpin"), "5")
    hand.settle()
    assert not np.allclose(before, hand.data("step_line"))


def test_a_run_ends_where_the_data_are(line_hand: Hand) -> None:
    hand = line_hand
    show_tile(hand, "step_line")
    show_tile(hand, "over_time")
    hand.reverse()
    assert "no true q" in words(hand.window.tile("step_line"))
    hand.play_to_end()
    x = hand.data("x_t")
    assert x.shape == (300, 1)
    assert abs(float((x > 0).mean()) - 0.6) < 0.1
    assert len(chart(hand, "over_time").lines) == 61
    menu = hand.find(QToolButton, "editButton").menu()
    menu.aboutToShow.emit()
    offered = [action.objectName() for action in menu.actions()]
    assert "edit:noise" in offered
    assert "edit:brush" not in offered
