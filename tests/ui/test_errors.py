"""Bad input: one plain sentence in the banner, and the window goes on with what it had."""

from __future__ import annotations

import os
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from explorer.ui.gallery import Gallery

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


class Runs:
    """A pickle of it runs a command when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def png(file: Path, width: int, height: int) -> Path:
    """A PNG whose header claims a size, with hardly any pixels in it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 8)) + chunk(b"IEND", b"")
    )
    return file


def missing(folder: Path, model: Path) -> Path:
    return folder / "absent"


def empty(folder: Path, model: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def truncated(folder: Path, model: Path) -> Path:
    content = (model / WEIGHTS).read_bytes()
    (model / WEIGHTS).write_bytes(content[: len(content) // 2])
    return model


def without_weights(folder: Path, model: Path) -> Path:
    (model / WEIGHTS).unlink()
    return model


def hostile(folder: Path, model: Path) -> Path:
    (model / WEIGHTS).unlink()
    (model / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({"x": Runs(folder / "proof")}))
    return model


def text(folder: Path, model: Path) -> Path:
    (model / WEIGHTS).write_text("not weights at all\n")
    return model


def not_finite(folder: Path, model: Path) -> Path:
    from safetensors.numpy import load_file, save_file

    state = load_file(model / WEIGHTS)
    name = next(iter(state))
    save_file({**state, name: np.full_like(state[name], np.nan)}, model / WEIGHTS)
    return model


def picture_of_nothing(folder: Path, model: Path) -> Path:
    return png(folder / "nothing.png", 0, 0)


def huge_picture(folder: Path, model: Path) -> Path:
    return png(folder / "huge.png", 20_000, 20_000)


def cut_picture(folder: Path, model: Path) -> Path:
    return png(folder / "cut.png", 300, 300)


def no_picture(folder: Path, model: Path) -> Path:
    (folder / "text.png").write_text("hello")
    return folder / "text.png"


BAD: tuple[tuple[Callable[[Path, Path], Path], str], ...] = (
    (missing, "no file or folder"),
    (empty, "empty folder"),
    (truncated, "diffusion_pytorch_model.safetensors"),
    (without_weights, "no weights"),
    (hostile, "not opened"),
    (text, "text file"),
    (not_finite, "NaN"),
    (picture_of_nothing, "nothing.png"),
    (huge_picture, "64 million"),
    (cut_picture, "cut.png"),
    (no_picture, "text.png"),
)


@pytest.fixture
def model(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be spoilt."""
    return Path(shutil.copytree(tiny, tmp_path / "spoilt"))


def one_sentence(hand: Hand) -> str:
    assert hand.banner.isVisible()
    sentence = hand.banner.text()
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert "Unexpected error" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 500
    assert hand.sentences == [sentence], "said once"
    return sentence


@pytest.mark.parametrize(("spoil", "says"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_bad_input_is_named_and_the_model_before_still_works(
    hand: Hand, model: Path, tmp_path: Path, spoil: Callable[[Path, Path], Path], says: str
) -> None:
    before, state = hand.shown(), hand.window.state
    hand.drop(spoil(tmp_path, model))
    hand.settle()
    assert says in one_sentence(hand)
    assert hand.window.state == state
    assert not hand.find(Gallery).isVisible()
    assert "Tiny" in hand.window.windowTitle()
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())
    assert not (tmp_path / "proof").exists()
    hand.frames.clear()
    hand.drag_slider(80)
    hand.settle()
    assert hand.frames[-1][0].t == 80
    assert all(not np.array_equal(before[lens], data) for lens, data in hand.shown().items())
    hand.drag_slider(40)
    hand.settle()
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())
    # It was about a file, so that a look at something else does not settle it.
    assert says in hand.banner.text()
    QTest.mouseClick(hand.banner.findChildren(QToolButton)[0], Qt.MouseButton.LeftButton)
    assert not hand.banner.isVisible()
    assert hand.banner.text() == ""


def test_a_failed_opening_leaves_the_run_alone(hand: Hand, model: Path, tmp_path: Path) -> None:
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.reverse()
    hand.play_to_end()
    last = hand.shown()
    hand.drop(truncated(tmp_path, model))
    hand.settle()
    one_sentence(hand)
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Home)
    hand.settle()
    assert hand.window.state.step == 0
    hand.key(Qt.Key.Key_End)
    hand.settle()
    assert all(np.array_equal(last[lens], data, equal_nan=True) for lens, data in hand.shown().items())
    assert all(seen.network_calls == 0 for seen, _ in hand.frames[-2:])


def test_a_bad_picture_after_a_good_one_leaves_the_good_one(
    hand: Hand, model: Path, tmp_path: Path, picture_file: Path
) -> None:
    hand.drop(picture_file)
    hand.settle()
    good = hand.shown()
    hand.drop(huge_picture(tmp_path, model))
    hand.settle()
    one_sentence(hand)
    assert hand.window.state.picture == str(picture_file)
    assert all(np.array_equal(good[lens], data) for lens, data in hand.shown().items())


def test_a_bad_picture_leaves_the_run_on_show(hand: Hand, model: Path, tmp_path: Path) -> None:
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    run, shown = hand.session.run, hand.window.tile("x_t").data().copy()
    assert run is not None
    hand.drop(cut_picture(tmp_path, model))
    hand.settle()
    assert one_sentence(hand)
    assert hand.session.run is run
    assert hand.window.state.source == "reverse"
    np.testing.assert_array_equal(hand.window.tile("x_t").data(), shown)


def test_a_picture_dropped_on_a_model_of_points(plane_hand: Hand, picture_file: Path) -> None:
    hand = plane_hand
    before = hand.shown()
    hand.drop(picture_file)
    hand.settle()
    assert "picture" in one_sentence(hand)
    assert all(np.array_equal(before[lens], data) for lens, data in hand.shown().items())
    hand.drag_slider(10)
    hand.settle()
    assert hand.frames[-1][0].t == 10


def test_a_picture_that_vanishes(hand: Hand, picture_file: Path) -> None:
    own = hand.shown()
    hand.drop(picture_file)
    hand.settle()
    picture_file.unlink()
    hand.drag_slider(60)
    hand.settle()
    hand.drag_slider(40)
    hand.settle()
    if hand.banner.isVisible():
        assert picture_file.name in hand.banner.text()
        assert all(np.array_equal(own[lens], data) for lens, data in hand.shown().items())
    else:
        assert hand.window.state.picture == str(picture_file)


@pytest.mark.parametrize("spoil", [missing, truncated], ids=["missing", "truncated"])
def test_a_bad_path_at_the_start_shows_the_gallery(
    make_hand: MakeHand, model: Path, tmp_path: Path, spoil: Callable[[Path, Path], Path], tiny: Path
) -> None:
    hand = make_hand(spoil(tmp_path, model))
    one_sentence(hand)
    assert hand.find(Gallery).isVisible()
    assert hand.window.windowTitle() == "Diffusion Explorer"
    assert not hand.window.busy
    hand.drop(tiny)
    hand.settle()
    assert not hand.banner.isVisible(), "what went wrong is over"
    assert not hand.find(Gallery).isVisible()
    assert hand.data("x_t").any()


def test_a_choice_that_makes_no_run_is_named(hand: Hand) -> None:
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "annealed_langevin")
    hand.settle()
    from PySide6.QtWidgets import QDoubleSpinBox

    hand.type_into(hand.find(QDoubleSpinBox, "sampler:sigma_min"), "50")
    hand.settle()
    if not hand.banner.isVisible():
        hand.click("playButton")
        hand.until(lambda: not hand.window.busy)
    assert "σ" in hand.banner.text()
    assert not hand.session.playing
    hand.type_into(hand.find(QDoubleSpinBox, "sampler:sigma_min"), "0.1")
    hand.type_into(hand.spin("stepsSpin"), "2")
    hand.settle()
    hand.play_to_end()
    assert hand.window.state.t == 0


def test_a_model_without_samples_begins_at_its_sampler_and_says_why_there_is_no_other_view(
    make_hand: MakeHand, model: Path, picture_file: Path
) -> None:
    (model / "explorer.json").unlink()
    hand = make_hand(model)
    assert hand.combo("sourceCombo").currentData() == "reverse"
    assert hand.status != "Computing the first picture…"
    hand.choose(hand.combo("sourceCombo"), "forward")
    hand.settle()
    assert "sample pictures" in hand.banner.text()
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.reverse()
    hand.play_to_end()
    assert hand.window.state.t == 0
    assert np.isfinite(hand.data("x_t")).all()
    hand.drop(picture_file)
    hand.settle()
    assert hand.data("x_t").shape == (1, 1, 8, 8)
    assert hand.window.state.source == "forward"


def test_what_the_format_warns_of_is_said(make_hand: MakeHand, model: Path) -> None:
    card = model / "explorer.json"
    card.write_text(card.read_text().replace('"null_label": 3', '"null_label": "three"'))
    hand = make_hand(model)
    assert "null_label" in hand.status
