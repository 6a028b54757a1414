"""The tabs Forms and VDM, worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QTabWidget

from explorer.engine.forms_frame import Conversion
from explorer.networks.monotone import Monotone, MonotoneConfig
from explorer.networks.unet import UNet, UNetConfig
from explorer.training.card import write_card, write_samples
from explorer.training.folder import write_network
from explorer.ui.conversion_table import in_numbers, power
from explorer.ui.curves import Curves
from explorer.ui.forms_panel import FormsPanel, short_names
from explorer.ui.vdm_panel import VdmPanel

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


def tabs_of(hand: Hand) -> QTabWidget:
    return hand.find(QTabWidget, "sideTabs")


def open_tab(hand: Hand, title: str) -> None:
    tabs = tabs_of(hand)
    index = next(i for i in range(tabs.count()) if tabs.tabText(i) == title)
    QTest.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(index).center())
    assert tabs.currentIndex() == index


@pytest.fixture
def forms(hand: Hand) -> Iterator[Hand]:
    """The pictures with the tab in view and its numbers there."""
    open_tab(hand, "Forms")
    hand.until(lambda: hand.find(FormsPanel).table.text(0)[2] != "")
    yield hand
    open_tab(hand, "Plots")
    hand.settle()


def test_the_numbers_follow_the_slider(forms: Hand) -> None:
    hand, panel = forms, forms.find(FormsPanel)
    hand.type_into(hand.spin("timestepSpin"), "30")
    hand.until(lambda: panel._title.text() == "Forms at t = 30")
    formula, numbers, difference = panel.table.text(0)
    assert formula == "x̂₀ = (x_t − s ε̂)/a"
    assert numbers.endswith("ε̂")
    assert difference == "0" or float(difference.replace("−", "-")) < 1e-5
    summary = hand.find(QLabel, "formsSummary")
    assert summary.text().startswith("All 16 formulas agree with what the network's own output, ε̂, gives")
    hand.type_into(hand.spin("timestepSpin"), "0")
    hand.until(lambda: "there is no noise" in summary.text())
    assert panel.table.text(0)[0] == ""


def test_any_form_can_be_the_given_one(forms: Hand) -> None:
    hand, panel = forms, forms.find(FormsPanel)
    assert hand.combo("formsSource").currentText() == "ε̂, the network's"
    hand.choose(hand.combo("formsSource"), "score")
    assert [panel.table.text(row)[0].split(" ")[0] for row in range(4)] == ["x̂₀", "ε̂", "v̂", "û"]
    assert panel.table.text(1)[0] == "ε̂ = −s ŝ"
    assert "x_t" not in panel.table.text(1)[1]
    hand.choose(hand.combo("formsSource"), "eps")


def test_errors_are_measured_and_kept(forms: Hand) -> None:
    hand, panel = forms, forms.find(FormsPanel)
    hand.type_into(hand.spin("formsSamplesSpin"), "4")
    hand.click("formsButton")
    assert not hand.button("formsButton").isEnabled()
    hand.until(lambda: not panel.job.running)
    (name,) = panel.plot.names()
    assert name == "tiny"
    t, eps = panel.plot.curve(name)
    assert (t[0], t[-1]) == (1, 100)
    hand.choose(hand.combo("formsQuantity"), "score")
    _, score = panel.plot.curve(name)
    assert score[0] > 5 * eps[0]  # 1/s is large where there is hardly any noise
    assert bool(np.isfinite(score).all())
    hand.choose(hand.combo("formsQuantity"), "eps")


def test_a_measurement_can_be_stopped(forms: Hand) -> None:
    hand, panel = forms, forms.find(FormsPanel)
    hand.click("formsButton")
    hand.click("formsStopButton")
    assert not panel.job.running
    assert hand.button("formsButton").isEnabled()
    hand.settle()


def test_a_run_has_its_own_numbers(forms: Hand) -> None:
    hand, panel = forms, forms.find(FormsPanel)
    hand.session.change(steps=4)
    hand.reverse()
    hand.play_to_end()
    hand.click("backButton")
    hand.settle()
    hand.until(lambda: panel._title.text() == f"Forms at t = {hand.session.state.t}")
    assert "16 formulas" in hand.find(QLabel, "formsSummary").text()


def test_without_a_learned_schedule_there_is_no_vdm(hand: Hand) -> None:
    tabs = tabs_of(hand)
    index = next(i for i in range(tabs.count()) if tabs.tabText(i) == "VDM")
    assert not tabs.isTabVisible(index)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose schedule was learned, so to say."""
    folder = tmp_path_factory.mktemp("models") / "learned"
    folder.mkdir()
    torch.manual_seed(0)
    facts = {"kind": "image", "schedule": {"name": "learned", "T": 60, "bends": 6}, "prediction": "eps"}
    parts = {"schedule": Monotone(MonotoneConfig(bends=6))}
    write_network(folder, "unet", UNet(UNetConfig(size=8, width=8)), facts, parts=parts)
    sheet = write_samples(folder, np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), np.uint8), columns=4)
    preset = {"name": "annealed_langevin", "steps": 5, "parameters": {"start": "uniform", "steps_per_level": 2}}
    write_card(folder, {"title": "Learned", "samples": sheet, "sampler": preset})
    return folder


def test_a_learned_schedule(make_hand: MakeHand, learned: Path) -> None:
    hand = make_hand(learned)
    # The card's sampler is chosen, with its parameters.
    assert (hand.session.state.sampler, hand.session.state.steps) == ("annealed_langevin", 5)
    assert hand.combo("sampler:start").currentText() == "Uniform"
    assert hand.spin("sampler:steps_per_level").value() == 2
    # Others are drawn beside it.
    assert set(hand.find(Curves).snr.names()) == {"SNR", "linear", "cosine"}
    assert {"ᾱ", "linear", "cosine"} <= set(hand.find(Curves).schedule.names())
    hand.until(lambda: tabs_of(hand).count() > 4)
    open_tab(hand, "VDM")
    panel = hand.find(VdmPanel)
    hand.type_into(hand.spin("vdmSamplesSpin"), "3")
    hand.click("vdmButton")
    hand.until(lambda: not panel.job.running)
    terms = [float(panel.terms.text(key)) for key in ("prior", "reconstruction", "diffusion", "total")]
    assert sum(terms[:3]) == pytest.approx(terms[3], abs=2e-3)
    assert panel.variances.text("own", 2) == "1 ×"
    assert set(panel.plot.names()) == {"this one", "linear β", "cosine", "linear λ"}
    assert "times as many draws" in hand.find(QLabel, "vdmSummary").text()


def test_numbers_as_text() -> None:
    assert in_numbers(Conversion("eps", "x0", "", 1.25, -0.75, 0.0)) == "   = 1.25 x_t − 0.75 ε̂"
    assert in_numbers(Conversion("eps", "score", "", 0.0, -12345678.0, 0.0)) == "   = −1.23e7 ε̂"
    assert in_numbers(Conversion("score", "eps", "", 0.0, -2e-05, 0.0)) == "   = −2.00e−5 ŝ"
    assert [power(value) for value in (0.0, 3e-16, 0.02)] == ["0", "3e−16", "2e−2"]


def test_names_of_a_family_are_short() -> None:
    paths = [f"/models/{name}" for name in ("digits-x0", "digits-eps", "digits", "other-one")]
    assert short_names(paths) == ["x0", "eps", "digits", "other-one"]
