"""The tab about likelihood, worked by hand: the bound, its stop, its end with the model, and score matching."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLabel, QTabWidget

from explorer.facts import ModelFacts
from explorer.request import Bound, ScheduleChoice
from explorer.state import resolve_bound
from explorer.ui.likelihood_panel import A, B, LikelihoodPanel
from explorer.ui.measurements import Measurements
from explorer.ui.objectives_panel import ObjectivesPanel
from explorer.ui.time_plot import TimePlot

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.ui.hand import Hand, MakeHand

MIXTURE = Path(__file__).resolve().parents[2] / "checkpoints" / "mixture"


def open_tab(hand: Hand, title: str) -> None:
    """Click on a tab at the right."""
    tabs = hand.find(QTabWidget, "sideTabs")
    index = next(i for i in range(tabs.count()) if tabs.tabText(i) == title)
    QTest.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(index).center())
    assert tabs.currentIndex() == index


@pytest.fixture
def likely(plane_hand: Hand) -> Iterator[Hand]:
    """The exact mixture with the tab in view."""
    open_tab(plane_hand, "Likelihood")
    yield plane_hand
    leave(plane_hand)


@pytest.fixture
def likely_pictures(hand: Hand) -> Iterator[Hand]:
    """The pictures with the tab in view."""
    open_tab(hand, "Likelihood")
    yield hand
    leave(hand)


def leave(hand: Hand) -> None:
    measurements(hand).job.stop()
    panel(hand)._ode.setChecked(False)
    open_tab(hand, "Plots")
    hand.settle()


def panel(hand: Hand) -> LikelihoodPanel:
    return hand.find(LikelihoodPanel)


def measurements(hand: Hand) -> Measurements:
    return hand.find(Measurements)


def finish(hand: Hand) -> None:
    hand.until(lambda: not measurements(hand).job.running and not hand.window.busy)


def value(text: str) -> tuple[float, float]:
    """−2.08 ± 0.09 → (−2.08, 0.09)."""
    mean, _, error = text.replace("−", "-").replace(",", "").partition(" ± ")
    return float(mean), float(error or "0")


def done(hand: Hand) -> int:
    """Samples that the totals on show are of."""
    found = panel(hand)._found
    return 0 if found is None else found.samples


def summary(hand: Hand) -> str:
    return panel(hand)._summary.text()


def test_plots_are_shown_first(hand: Hand) -> None:
    assert hand.plot("schedulePlot").isVisible()
    assert not panel(hand).isVisible()


def test_both_splits_agree_and_stay_below_the_exact_log_p(likely: Hand) -> None:
    hand = likely
    hand.type_into(hand.spin("boundSamplesSpin"), "150")
    hand.choose(hand.combo("boundVarianceCombo"), "beta")
    box = hand.find(QCheckBox, "boundOdeCheck")
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert box.isChecked()
    hand.click("boundButton")
    assert measurements(hand).job.running
    assert not hand.button("boundButton").isEnabled()
    finish(hand)
    table = panel(hand).table
    (a, error_a), (b, error_b) = (value(table.text("total", column)) for column in (1, 2))
    exact, _ = value(table.text("exact", 2))
    ode, _ = value(table.text("ode", 2))
    assert abs(a - b) < 3 * math.hypot(error_a, error_b)
    assert a < exact + 3 * error_a
    assert b < exact + 3 * error_b
    assert ode == pytest.approx(exact, abs=0.15)  # of 50 steps the first blurs the data
    assert value(table.text("bits"))[0] == pytest.approx(-a / 2 / math.log(2), abs=0.02)
    parts = [value(table.text(row))[0] for row in ("reconstruction", "prior", "terms")]
    assert sum(parts) == pytest.approx(a, abs=0.02)
    assert "They agree" in summary(hand)
    assert "below the exact log p" in summary(hand)
    assert "150 samples, 49 of 49 terms" in panel(hand).row.said
    assert hand.button("boundButton").isEnabled()
    assert not hand.button("boundStopButton").isEnabled()


def test_the_plots_are_of_all_terms_and_share_the_cursor(likely: Hand) -> None:
    hand = likely
    hand.type_into(hand.spin("boundSamplesSpin"), "40")
    hand.click("boundButton")
    finish(hand)
    for plot in (panel(hand).terms, panel(hand).variance):
        assert plot.names() == (A, B)
        assert plot.curve(A)[0].tolist() == list(range(2, 51))
        assert plot.curve(B)[0].tolist() == list(range(1, 50))
        assert plot.time() == hand.window.state.t == 20
    assert np.all(panel(hand).terms.curve(A)[1] > 0)
    stack = panel(hand).stack
    assert stack.names() == (A, B)
    assert stack.time() == 20
    found = panel(hand)._found
    assert found is not None
    assert found.totals is not None
    x, y = stack.curve(A)
    assert (x[0], x[-1]) == (1, 50)
    assert np.all(np.diff(y) < 0)
    assert y[0] == found.totals.matching.reconstruction.mean
    assert y[-1] - found.totals.matching.prior.mean == pytest.approx(stack.total(A))
    assert stack.total(A) == found.totals.matching.total.mean
    hand.choose(hand.combo("boundUnitCombo"), True)
    assert stack.total(A) == pytest.approx(-found.totals.matching.total.mean / 2 / math.log(2))
    hand.choose(hand.combo("boundUnitCombo"), False)
    assert panel(hand)._here.text().startswith("t = 20: (A) ")
    drag(panel(hand).variance, 35)
    hand.settle()
    assert hand.window.state.t == 35
    assert panel(hand).terms.time() == panel(hand).variance.time() == hand.cursor("snrPlot") == 35
    assert panel(hand)._here.text().startswith("t = 35: (A) ")
    hand.drag_slider(10)
    hand.settle()
    assert panel(hand).terms.time() == 10


def drag(plot: TimePlot, t: int) -> None:
    layer = plot.cursor_layer
    place = QPoint(round(layer.x_of(t)), layer.height() // 2)
    QTest.mousePress(layer, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseRelease(layer, Qt.MouseButton.LeftButton, pos=place)


def test_looking_goes_on_and_stop_keeps_what_is_known(likely_pictures: Hand) -> None:
    hand = likely_pictures
    panel(hand)._ode.setChecked(True)  # takes so long that it can be stopped
    hand.type_into(hand.spin("boundSamplesSpin"), "20")
    hand.click("boundButton")
    hand.until(lambda: "1 sample" not in summary(hand) and panel(hand)._found is not None)
    hand.drag_slider(70)
    hand.until(lambda: bool(hand.frames) and hand.frames[-1][0].t == 70)
    assert measurements(hand).job.running
    hand.until(lambda: done(hand) > 1)
    hand.click("boundStopButton")
    hand.settle()
    assert not measurements(hand).job.running
    assert hand.button("boundButton").isEnabled()
    found = panel(hand)._found
    assert found is not None
    assert "samples, 50 of 99 terms" in panel(hand).row.said
    assert value(panel(hand).table.text("total"))[0] < 0
    hand.qtbot.wait(50)
    assert panel(hand)._found is found
    assert not hand.sentences


def test_another_model_is_another_matter(likely_pictures: Hand, plane: Path, tiny: Path) -> None:
    hand = likely_pictures
    panel(hand)._ode.setChecked(True)
    hand.click("boundButton")
    hand.until(lambda: panel(hand)._found is not None)
    hand.window.open(str(plane))
    hand.settle()
    assert not measurements(hand).job.running
    assert panel(hand)._found is None
    assert panel(hand).terms.names() == ()
    assert panel(hand).table.text("total") == "–"
    assert hand.spin("boundSamplesSpin").maximum() == 300
    assert hand.find(ObjectivesPanel).isVisible()
    hand.window.open(str(tiny))
    hand.settle()
    assert hand.spin("boundSamplesSpin").value() == 16
    assert not hand.find(ObjectivesPanel).isVisible()


def test_another_schedule_is_another_model(likely: Hand) -> None:
    hand = likely
    hand.type_into(hand.spin("boundSamplesSpin"), "20")
    hand.click("boundButton")
    finish(hand)
    first = panel(hand).table.text("total")
    hand.session.change(schedule=ScheduleChoice("linear"))
    hand.settle()
    assert panel(hand).table.text("total") == "–"
    hand.click("boundButton")
    finish(hand)
    assert panel(hand).table.text("total") not in (first, "–")
    hand.session.change(schedule=ScheduleChoice())
    hand.settle()
    assert panel(hand).terms.names() == ()
    assert not hand.sentences


@pytest.mark.parametrize("name", ["ve_sde", "rectified_flow", "karras"])
def test_any_schedule_has_its_bound(likely: Hand, name: str) -> None:
    """Of continuous time too, and where noise explodes."""
    hand = likely
    hand.session.change(schedule=ScheduleChoice(name))
    hand.settle()
    hand.type_into(hand.spin("boundSamplesSpin"), "60")
    hand.click("boundButton")
    finish(hand)
    (a, error_a), (b, error_b) = (value(panel(hand).table.text("total", column)) for column in (1, 2))
    exact, _ = value(panel(hand).table.text("exact", 2))
    assert abs(a - b) < 4 * math.hypot(error_a, error_b)
    assert a < exact + 3 * error_a
    assert panel(hand).row.said.endswith(name)
    assert not hand.sentences


def test_a_label_asks_for_the_bound_of_its_class(likely_pictures: Hand) -> None:
    hand = likely_pictures
    hand.choose(hand.combo("labelCombo"), 2)
    hand.settle()
    panel(hand)._ode.setChecked(True)  # takes so long that it can be stopped
    hand.click("boundButton")
    hand.until(lambda: done(hand) > 0)
    found = panel(hand)._found
    assert found is not None
    assert found.wanted == 6  # of 20 samples every third is of class 2
    hand.click("boundStopButton")
    assert "samples of “bar”" in panel(hand).row.said


def test_the_status_line_can_stop_it_too(likely_pictures: Hand) -> None:
    hand = likely_pictures
    panel(hand)._ode.setChecked(True)
    hand.click("boundButton")
    hand.until(lambda: hand.button("cancelButton").isVisible())
    hand.click("cancelButton")
    hand.until(lambda: not measurements(hand).job.running)
    hand.settle()
    assert not hand.button("cancelButton").isVisible()
    assert hand.button("boundButton").isEnabled()


def test_the_shipped_mixture_by_real_clicks(make_hand: MakeHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its 999 terms a part, which is faster."""

    def fewer(*choices: Any) -> Bound:
        return replace(resolve_bound(*choices), t_samples=150)

    monkeypatch.setattr("explorer.ui.measurements.resolve_bound", fewer)
    hand = make_hand(MIXTURE)
    open_tab(hand, "Likelihood")
    hand.type_into(hand.spin("boundSamplesSpin"), "24")
    hand.click("boundButton")
    finish(hand)
    table = panel(hand).table
    (a, error_a), (b, error_b) = (value(table.text("total", column)) for column in (1, 2))
    exact, _ = value(table.text("exact", 2))
    assert abs(a - b) < 3 * math.hypot(error_a, error_b)
    assert max(a - 3 * error_a, b - 3 * error_b) < exact
    assert "They agree" in summary(hand)
    hand.until(lambda: table_of_scores(hand)["fisher"] != "–")
    assert "all three agree" in hand.find(QLabel, "objectivesSummary").text()


# --- score matching ------------------------------------------------------------------------------------------


def table_of_scores(hand: Hand) -> dict[str, str]:
    table = hand.find(ObjectivesPanel).table
    return {row: table.text(row, 2) for row in ("explicit", "sliced", "denoising", "fisher")}


def test_the_objectives_follow_the_slider(likely: Hand) -> None:
    hand, objectives = likely, likely.find(ObjectivesPanel)
    hand.until(lambda: objectives._title.text() == "Score matching at t = 20")
    assert set(table_of_scores(hand).values()) == {"0"}  # it is the exact score
    assert "exact score" in objectives._summary.text()
    least = value(objectives.table.text("explicit"))
    assert least[0] < 0 < least[1]
    hand.drag_slider(20, 30, 33)
    hand.until(lambda: objectives._title.text() == "Score matching at t = 33")
    assert value(objectives.table.text("explicit")) != least
    hand.drag_slider(0)
    hand.until(lambda: "no noise" in objectives._summary.text())
    assert objectives.table.text("explicit") == "–"
    open_tab(hand, "Plots")
    hand.drag_slider(12)
    hand.settle()
    hand.qtbot.wait(100)
    assert "no noise" in objectives._summary.text()  # nobody looks, so nothing is computed
    assert not hand.sentences


# --- the parts alone -----------------------------------------------------------------------------------------


def test_a_model_without_samples_cannot_be_measured(qtbot: QtBot) -> None:
    alone = LikelihoodPanel()
    qtbot.addWidget(alone)
    alone.set_model(ModelFacts("p", "diffusers", "P", "image", (1, 4, 4), 100, "eps", "cosine"))
    assert not alone.row.start.isEnabled()
    assert "without samples" in alone.row.said
    alone.restyle()
