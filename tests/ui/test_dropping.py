"""Files and folders that are dropped on the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton

from tests.ui.opened import is_gallery, is_open

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


def test_a_folder_is_dropped(hand: Hand, plane: Path) -> None:
    assert hand.drop(plane) == (True, True)
    hand.settle()
    assert is_open(hand, plane)
    assert hand.data("x_t").shape == (300, 2)


def test_a_folder_is_dropped_on_the_gallery(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand()
    assert hand.drop(plane) == (True, True)
    hand.settle()
    assert is_open(hand, plane)


def test_the_file_of_weights_inside_a_folder_is_dropped(make_hand: MakeHand, tiny: Path) -> None:
    hand = make_hand()
    hand.drop(tiny / "unet" / "diffusion_pytorch_model.safetensors")
    hand.settle()
    assert is_open(hand, tiny)


def test_a_picture_is_dropped(hand: Hand, picture_file: Path) -> None:
    hand.drag_slider(0)
    hand.settle()
    before = hand.data("x_t")
    assert hand.drop(picture_file) == (True, True)
    hand.settle()
    # A ramp from black to white, as the model's 8×8 pictures in [−1, 1], on show at t = 0 as it is.
    ramp = hand.data("x_t")
    assert ramp.shape == (1, 1, 8, 8)
    assert not np.array_equal(ramp, before)
    assert np.array_equal(ramp[0, 0], np.tile(ramp[0, 0, 0], (8, 1)))
    assert np.all(np.diff(ramp[0, 0, 0]) > 0.2)
    assert ramp.min() < -0.85
    assert ramp.max() > 0.85
    clear = hand.find(QPushButton, "pictureClearButton")
    assert picture_file.name in clear.text()
    hand.click("pictureClearButton")
    hand.settle()
    assert np.array_equal(hand.data("x_t"), before)


def test_a_picture_is_dropped_with_no_model_open(make_hand: MakeHand, picture_file: Path) -> None:
    hand = make_hand()
    hand.drop(picture_file)
    assert hand.banner.isVisible()
    assert "model first" in hand.banner.text()
    assert is_gallery(hand)


def test_a_file_that_is_neither(hand: Hand, tmp_path: Path, tiny: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    hand.drop(file)
    hand.settle()
    assert hand.banner.isVisible()
    assert "text file" in hand.banner.text()
    assert is_open(hand, tiny)


@pytest.mark.parametrize("what", ["text", "address"])
def test_what_is_no_file_is_refused_while_it_is_dragged(hand: Hand, what: str) -> None:
    before = hand.window.state
    accepted = hand.drop(text="hello") if what == "text" else hand.drop("https://example.org/cat.png")
    assert accepted == (False, False)
    assert not hand.window.busy
    assert hand.window.state == before
