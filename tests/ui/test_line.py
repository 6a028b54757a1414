"""A model of single numbers in the window, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QToolButton

from explorer.lenses.drawable import Chart
from tests.ui.hand import Hand, MakeHand

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
def line_hand(make_hand: MakeHand, line: Path) -> Hand:
    """A window of its own with that model open: all its tiles are plots, which a shared one would keep."""
    return make_hand(line)


def words(tile: Tile) -> str:
    return " ".join(label.text() for label in tile.findChildren(QLabel))


def chart(hand: Hand, lens: str) -> Chart:
    drawn = hand.window.tile(lens).drawable()
    assert isinstance(drawn, Chart)
    return drawn


def test_a_step_is_seen_whole_and_a_run_ends_where_the_data_are(line_hand: Hand) -> None:
    hand = line_hand
    assert hand.data("x_t").shape == hand.data("score").shape == (300, 1)
    assert "KL" in words(hand.window.tile("step_line"))
    before = hand.data("step_line").copy()
    hand.type_into(hand.spin("imageSampleSpin"), "5")
    hand.settle()
    assert not np.allclose(before, hand.data("step_line"))
    # A run has no true x₀.
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
