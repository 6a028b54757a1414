"""The guidance group of the choices, worked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QSpinBox

from explorer.state import State
from explorer.ui import theme
from explorer.ui.session.requests import preparation_for
from explorer.ui.session.scene import Scene

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


def unfold(hand: Hand) -> None:
    if not hand.spin("guidanceLowSpin").isVisible():
        hand.click("guidanceMoreButton")
    hand.until(hand.spin("guidanceLowSpin").isVisible)


def interval(hand: Hand) -> tuple[float, float] | None:
    return hand.window.state.guidance_interval


def test_the_interval(hand: Hand) -> None:
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    unfold(hand)
    guided = hand.data("eps")  # γ = 2 at t = 40
    hand.type_into(hand.spin("guidanceLowSpin"), "50")
    hand.settle()
    assert interval(hand) == (50, 100)
    hand_conditional = hand.data("eps")
    assert not np.array_equal(hand_conditional, guided)
    hand.type_into(hand.decimal("guidanceSpin"), "1")
    hand.settle()
    assert np.array_equal(hand.data("eps"), hand_conditional)
    hand.type_into(hand.decimal("guidanceSpin"), "2")
    hand.type_into(hand.spin("guidanceLowSpin"), "0")
    hand.settle()
    assert interval(hand) is None
    assert np.array_equal(hand.data("eps"), guided)
    # One end cannot pass the other.
    hand.type_into(hand.spin("guidanceHighSpin"), "30")
    assert hand.spin("guidanceLowSpin").maximum() == 30
    hand.settle()


def test_rescale(hand: Hand) -> None:
    hand.choose(hand.combo("labelCombo"), 1)
    hand.type_into(hand.decimal("guidanceSpin"), "1")
    hand.settle()
    contrast = hand.data("eps").std()
    hand.type_into(hand.decimal("guidanceSpin"), "9")
    unfold(hand)
    hand.type_into(hand.decimal("guidanceRescaleSpin"), "1")
    hand.settle()
    assert np.isclose(hand.data("eps").std(), contrast, rtol=1e-4)


def test_what_is_not_possible_says_why(hand: Hand) -> None:
    unfold(hand)
    for spin in (hand.decimal("guidanceSpin"), hand.spin("guidanceLowSpin"), hand.decimal("guidanceRescaleSpin")):
        assert not spin.isEnabled()
        assert "Choose a label" in spin.toolTip()
    kind = hand.combo("guidanceKindCombo")
    assert not kind.isEnabled()
    assert "no classifier fits" in kind.toolTip()
    hand.choose(hand.combo("labelCombo"), 0)
    hand.settle()
    assert hand.decimal("guidanceRescaleSpin").isEnabled()
    assert not hand.find(QLabel, "guidanceClassifier").isVisible()


def test_the_choices_fold(hand: Hand) -> None:
    unfold(hand)
    QTest.mouseClick(hand.button("guidanceMoreButton"), Qt.MouseButton.LeftButton)
    assert not hand.spin("guidanceLowSpin").isVisible()
    assert not hand.decimal("guidanceRescaleSpin").isVisible()
    hand.session.change(guidance_rescale=0.5)  # as a saved session would
    assert hand.decimal("guidanceRescaleSpin").isVisible(), "what is in force is not hidden"
    hand.settle()


def test_a_classifier_leads_the_mixture(plane_hand: Hand) -> None:
    """Of the exact model both kinds are one."""
    hand = plane_hand
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    free = hand.data("eps")
    hand.choose(hand.combo("guidanceKindCombo"), "classifier")
    hand.settle()
    assert hand.window.state.guidance_kind == "classifier"
    assert "exact posterior" in hand.find(QLabel, "guidanceClassifier").text()
    assert not np.array_equal(hand.data("eps"), free)
    np.testing.assert_allclose(hand.data("eps"), free, atol=1e-3)
    unfold(hand)
    assert not hand.decimal("guidanceRescaleSpin").isEnabled()
    assert "classifier" in hand.decimal("guidanceRescaleSpin").toolTip()
    # And a run, in which the kind is changed at the step on show.
    hand.reverse()
    hand.click("stepButton")
    hand.settle()
    hand.choose(hand.combo("guidanceKindCombo"), "classifier-free")
    hand.settle()
    assert not hand.banner.text()
    hand.play_to_end()
    assert (hand.data("x_t")[:, 0] > 0).mean() > 0.95


def test_a_network_without_labels_gets_those_of_the_components(make_hand: MakeHand, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from explorer.networks.mlp import MLP, MLPConfig

    sizes = {"hidden": 8, "layers": 2, "classes": 0}
    configuration = {
        "format": "diffusion-explorer",
        "network": "mlp",
        "network_config": sizes,
        "schedule": {"name": "cosine", "T": 50},
        "prediction": "v",
        "kind": "points",
        "shape": [2],
        "truth": {"weights": [0.5, 0.5], "means": [[-1, 0], [1, 0]], "covariances": [[[0.1, 0], [0, 0.1]]] * 2},
        "samples": {"count": 50, "seed": 1},
    }
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    save_file(MLP(MLPConfig(**sizes)).state_dict(), tmp_path / "model.safetensors")
    hand = make_hand(tmp_path)
    assert hand.window.state.guidance_kind == "classifier"
    label = hand.combo("labelCombo")
    assert [label.itemText(i) for i in range(label.count())] == ["None", "component 0", "component 1"]
    model = hand.combo("guidanceKindCombo").model()
    assert isinstance(model, QStandardItemModel)
    assert not model.item(0).isEnabled()
    plain = hand.data("eps")
    hand.choose(label, 1)
    hand.settle()
    assert not np.array_equal(hand.data("eps"), plain)
    assert hand.find(QSpinBox, "guidanceHighSpin").maximum() == 50


def show_tile(hand: Hand, name: str) -> None:
    """Choose a tile in the menu."""
    view = next(menu for menu in hand.window.menuBar().findChildren(QMenu) if menu.title() == "&View")
    tiles = next(menu for menu in view.findChildren(QMenu) if menu.title() == "&Tiles")
    tiles.aboutToShow.emit()
    next(action for action in tiles.actions() if action.data() == name).trigger()
    hand.settle()


def test_the_parts_of_a_guided_answer_and_their_difference_along_a_run(hand: Hand) -> None:
    show_tile(hand, "guidance")
    show_tile(hand, "cond")
    assert not np.isfinite(hand.data("guidance")).any(), "nothing is guided without a label"
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    # γ = 2: guided − conditional = conditional − unconditional.
    np.testing.assert_allclose(hand.data("eps") - hand.data("cond"), hand.data("guidance"), atol=1e-5)
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.reverse()
    hand.play_to_end()
    plot = hand.plot("statisticsPlot")
    assert plot.names() == ("x_t", "ε̂", "Δx̂₀", "Δε̂"), "colours go by order, which is that of a run without guidance"
    t, size = plot.curve("Δε̂")
    assert len(t) == 5
    drawn = [(seen, tiles) for seen, tiles in hand.frames if seen.run is not None and seen.t > 0]
    assert drawn
    for seen, tiles in drawn:
        rms = np.sqrt(np.mean(tiles["guidance"].astype(np.float64) ** 2))
        assert np.isclose(size[list(t).index(seen.t)], rms, rtol=1e-3)
    hand.choose(hand.combo("labelCombo"), None)
    hand.click("resetButton")
    hand.settle()
    hand.play_to_end()
    assert "Δε̂" not in plot.names(), "a run without guidance keeps no curve of an earlier one"


def test_three_arrows_at_each_point_with_their_names(plane_hand: Hand) -> None:
    hand = plane_hand
    show_tile(hand, "guidance")
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    tile = hand.window.tile("guidance")
    assert tile.data().shape == (300, 2)
    picture = tile.grab().toImage()
    seen = {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}
    assert set(theme.current().series[:3]) <= seen


@pytest.mark.usefixtures("qapp")
def test_the_network_gets_ready_for_both_halves_of_what_guidance_mixes() -> None:
    scene = Scene()
    state = State(model="m", count=4, label=1, guidance_scale=2.0)
    others: list[dict[str, Any]] = [
        {"label": None},
        {"guidance_scale": 0.0},
        {"guidance_scale": 1.0},
        {"guidance_kind": "classifier"},
    ]
    counts = []
    for changes in ({}, *others):
        scene.state = state.with_changes(**changes)
        counts.append(preparation_for(scene).count)
    assert counts == [8, 4, 4, 4, 4]
