"""A second model beside the first, by the menu and its bar."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu

from explorer.ui.second_model import SecondModelBar
from explorer.ui.tiles import Tiles
from tests.engine.models import change_weights

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

BOTH = ("x0", "x0:b", "x0:difference", "eps", "eps:b", "eps:difference")


@pytest.fixture(scope="module")
def other(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second") / "other"
    shutil.copytree(tiny, folder)
    change_weights(folder, 1.1)
    return folder


def choose_folder(hand: Hand, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File ▸ Compare with ▸ Another model folder…"""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    entry(hand, "Another model folder…")
    hand.settle()


def entry(hand: Hand, text: str) -> None:
    menu = hand.find(QMenu, "compareMenu")
    menu.aboutToShow.emit()
    hand.until(lambda: not hand.session.inquiry.asked("models"))
    next(action for action in menu.actions() if action.text() == text).trigger()


def names(hand: Hand) -> tuple[str, ...]:
    return hand.find(Tiles).names()


def test_both_models_at_one_x_t(hand: Hand, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.drag_slider(60)
    hand.settle()
    alone, mine = names(hand), hand.data("eps")
    choose_folder(hand, other, monkeypatch)
    bar = hand.find(SecondModelBar)
    assert bar.isVisible()
    assert hand.find(QLabel, "secondModelName").text() == "B  Tiny, other"
    assert "8×8" in bar._facts.text()
    assert names(hand) == BOTH
    assert np.array_equal(hand.data("eps"), mine)
    assert np.abs(hand.data("eps:difference")).max() > 1e-3
    assert np.array_equal(hand.data("eps:difference"), hand.data("eps") - hand.data("eps:b"))
    assert hand.window.tile("eps").header.title().startswith("A")
    # The same t, label and seed for both.
    before = hand.data("x0:b")
    hand.drag_slider(30)
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    assert not np.array_equal(hand.data("x0:b"), before)
    hand.choose(hand.combo("secondLensCombo"), "score")
    hand.settle()
    assert names(hand) == ("score", "score:b", "score:difference")
    hand.choose(hand.combo("secondLensCombo"), "x0 eps")
    hand.settle()
    hand.click("endSecondButton")
    hand.settle()
    assert names(hand) == alone
    assert not bar.isVisible()
    assert not hand.window.tile("eps").header.title().startswith("A")
    assert not hand.sentences


def test_a_run_with_a_second_model(hand: Hand, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.type_into(hand.spin("stepsSpin"), "5")
    choose_folder(hand, other, monkeypatch)
    hand.reverse()
    hand.play_to_end()
    assert names(hand) == BOTH
    seen = hand.frames[-1][0]
    assert seen.second == "Tiny"
    assert seen.finished
    hand.session.set_step(2)
    hand.settle()
    assert hand.frames[-1][0].step == 2
    assert np.array_equal(hand.data("x0:difference"), hand.data("x0") - hand.data("x0:b"))
    assert np.abs(hand.data("x0:difference")).max() > 0
    assert hand.session.x_t is not None, "it can still be edited"
    entry(hand, "No other model")
    hand.settle()
    assert hand.session.second is None
    assert not hand.sentences


def test_a_second_model_that_is_one_file(hand: Hand, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = next((tiny / "unet").glob("*.safetensors"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(weights), ""))
    entry(hand, "Another model file…")
    hand.settle()
    assert hand.session.second is not None
    assert names(hand) == BOTH
    assert not hand.data("x0:difference").any(), "it is the same"
    assert [hand.window.tile(name).header._words.text() for name in BOTH[3:]] == ["predicted noise"] * 2 + [""]
    entry(hand, "No other model")
    hand.settle()


def test_what_cannot_be_compared_is_said_in_a_sentence(
    hand: Hand, plane: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = names(hand)
    choose_folder(hand, plane, monkeypatch)
    assert "only models of one shape can be compared" in hand.banner.text()
    assert names(hand) == alone
    choose_folder(hand, tmp_path, monkeypatch)
    assert hand.banner.text()
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    weights = next(broken.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    choose_folder(hand, broken, monkeypatch)
    assert hand.session.second is None
    assert names(hand) == alone
    assert len(hand.sentences) == 3
    assert hand.data("eps").any()


def test_raw_weights_beside_their_average(make_hand: MakeHand, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    shutil.copytree(tiny, folder)
    shutil.copytree(folder / "unet", folder / "unet_ema")
    change_weights(folder / "unet_ema", 1.2)
    hand = make_hand(folder)
    mine = hand.data("eps")
    entry(hand, "Tiny, weights “raw”")
    hand.settle()
    assert hand.find(QLabel, "firstModelName").text() == "A  Tiny (ema)"
    assert hand.find(QLabel, "secondModelName").text() == "B  Tiny (raw)"
    assert np.array_equal(hand.data("eps"), mine)
    assert np.abs(hand.data("eps:difference")).max() > 1e-3


def test_it_goes_with_the_model(hand: Hand, other: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_folder(hand, other, monkeypatch)
    assert names(hand) == BOTH
    hand.window.open(str(tiny))
    hand.settle()
    assert hand.session.second is None
    assert not hand.find(SecondModelBar).isVisible()
    assert len(names(hand)) == 4


def test_its_own_run_beside_the_first(hand: Hand, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.type_into(hand.spin("stepsSpin"), "5")
    choose_folder(hand, other, monkeypatch)
    way = hand.combo("secondWayCombo")
    assert not way.isVisible(), "without a run both are asked at one x_t"
    hand.reverse()
    hand.play_to_end()
    assert way.isVisible()
    asked = hand.data("x0:b")
    hand.choose(way, True)
    hand.settle()
    assert names(hand) == ("x_t", "x_t:b", "x_t:difference", "x0", "x0:b", "x0:difference")
    assert not np.array_equal(hand.data("x0:b"), asked)
    assert hand.window.tile("x_t:b").header._formula.text() == "its own run"
    assert "own run" not in hand.status, "it is made"
    apart = []
    for step in range(6):
        hand.session.set_step(step)
        hand.settle()
        apart.append(float(np.abs(hand.data("x_t:difference")).max()))
    assert apart[0] == 0 < apart[1] < apart[-1], "from one x_T away from each other"
    hand.choose(way, False)
    hand.settle()
    assert names(hand) == BOTH
    assert np.array_equal(hand.data("x0:b"), asked)
    entry(hand, "No other model")
    hand.settle()
    assert not hand.sentences
