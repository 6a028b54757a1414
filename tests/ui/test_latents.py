"""A latent chain in the window: levels on the timeline, bars and maps to drag, runs down from the prior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QMenu, QPushButton, QWidget

from explorer.lenses.drawable import Points
from explorer.ui.latent_likelihood import LatentLikelihood
from explorer.ui.number_table import NumberTable
from explorer.ui.plane_view import PlaneView
from explorer.ui.quantities_view import QuantitiesView
from explorer.ui.side_panel import SidePanel
from explorer.ui.stack_plot import StackPlot
from tests.chains import LEVELS, write_chain
from tests.ui.hand import Hand, MakeHand

L = len(LEVELS)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chain(tmp_path_factory.mktemp("chains") / "chain")


@pytest.fixture
def hand(make_hand: MakeHand, chain: Path) -> Hand:
    return make_hand(chain)


def bars(hand: Hand) -> QuantitiesView:
    return hand.window.tile("z_t").findChildren(QuantitiesView)[0]


def drag_number(hand: Hand, number: int, value: float) -> None:
    view = bars(hand)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=view.place_of(number, 0.0).toPoint())
    QTest.mouseMove(view, view.place_of(number, value).toPoint())
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=view.place_of(number, value).toPoint())
    hand.settle()


def tabs(hand: Hand) -> list[str]:
    side = hand.find(SidePanel)
    return [side.tabText(i) for i in range(side.count()) if side.isTabVisible(i)]


def test_levels_are_what_the_timeline_counts(hand: Hand) -> None:
    assert (hand.slider.minimum(), hand.slider.maximum()) == (0, L)
    assert hand.spin("timestepSpin").suffix() == f" / {L}"
    for t in range(L + 1):
        hand.drag_slider(t)
        hand.settle()
        data = hand.data("z_t")
        assert data.shape == ((1, 1, 8, 8) if t == 0 else (LEVELS[t - 1],))
        assert hand.data("decoded").shape == (1, 1, 8, 8)


def test_what_does_not_apply_is_not_there(hand: Hand, tiny: Path) -> None:
    hidden = ("samplerCombo", "stepsSpin", "guidanceSpin", "labelCombo", "scaleCombo", "schedulePlot", "editButton")
    for name in hidden:
        for widget in hand.window.findChildren(QWidget, name):
            assert not widget.isVisible(), name
    assert tabs(hand) == ["ELBO"]
    assert hand.find(QPushButton, "redrawBelowButton").isVisible()
    assert hand.combo("sourceCombo").currentText() == "Forward: encode data"
    # And comes back with a diffusion model.
    hand.window.open(str(tiny))
    hand.settle()
    assert "Plots" in tabs(hand)
    assert "ELBO" not in tabs(hand)
    assert hand.find(QComboBox, "samplerCombo").isVisible()
    assert hand.find(QComboBox, "scaleCombo").isVisible()
    assert not hand.find(QPushButton, "redrawBelowButton").isVisible()
    assert hand.window.state.lenses == ("x_t", "x0", "eps", "score")
    assert hand.window.state.sampler == "ddim"
    assert not hand.sentences


def test_a_dragged_number_changes_the_picture(hand: Hand) -> None:
    hand.drag_slider(2)
    hand.settle()
    before, picture = hand.data("z_t"), hand.data("decoded")
    drag_number(hand, 1, 2.0)
    after = hand.data("z_t")
    assert after[1] == pytest.approx(2.0, abs=0.1)
    np.testing.assert_array_equal(np.delete(after, 1), np.delete(before, 1))
    assert not np.array_equal(hand.data("decoded"), picture)
    hand.click("putBackButton")
    hand.settle()
    np.testing.assert_array_equal(hand.data("z_t"), before)
    drag_number(hand, 0, -1.0)
    hand.type_into(hand.spin("imageSampleSpin"), "3")
    hand.settle()
    assert not hand.window.state.by_hand  # it was about another picture


def test_the_ring_on_the_map_is_dragged(hand: Hand) -> None:
    plane = hand.window.tile("latent_map").findChildren(PlaneView)[0]
    middle = plane.area().center().toPoint()
    QTest.mouseClick(plane, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, -10))
    hand.settle()
    drawn = hand.window.tile("latent_map").drawable()
    assert isinstance(drawn, Points)
    assert drawn.mark is not None
    reach = drawn.extent[1]
    wanted = (40 * reach / plane.area().width(), 20 * reach / plane.area().height())
    assert drawn.mark == pytest.approx(wanted, abs=0.1)
    assert hand.window.state.by_hand.place == pytest.approx(wanted, abs=0.1)


def test_a_run_goes_down_from_the_prior_and_back(hand: Hand) -> None:
    hand.play_to_end()
    session = hand.session
    assert session.run is not None
    assert (session.run.times, session.state.t, session.state.step) == ((3, 2, 1, 0), 0, L)
    last = hand.data("decoded")
    hand.click("backButton")
    hand.settle()
    assert (session.state.t, hand.data("z_t").shape) == (1, (LEVELS[0],))
    hand.click("stepButton")
    hand.settle()
    np.testing.assert_array_equal(hand.data("decoded"), last)


def test_what_is_below_a_level_is_drawn_anew(hand: Hand) -> None:
    hand.play_to_end()
    hand.drag_slider(2)
    hand.settle()
    kept, picture = hand.data("z_t"), hand.data("decoded")
    hand.click("redrawBelowButton")
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    assert len(hand.session.family) == 2
    assert hand.session.state.t == 0
    hand.drag_slider(2)
    hand.settle()
    np.testing.assert_array_equal(hand.data("z_t"), kept)
    np.testing.assert_array_equal(hand.data("decoded"), picture)
    assert not hand.sentences


def test_a_run_goes_on_from_a_number_set_by_hand(hand: Hand) -> None:
    hand.play_to_end()
    hand.drag_slider(L)
    hand.settle()
    first = hand.data("z_t")
    drag_number(hand, 0, 1.5)
    wanted = hand.data("z_t")
    hand.click("playButton")
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    assert len(hand.session.family) == 2
    hand.drag_slider(L)
    hand.settle()
    np.testing.assert_allclose(hand.data("z_t"), wanted)
    np.testing.assert_array_equal(wanted[1:], first[1:])


def test_the_elbo_is_computed_beside_a_weighted_bound(hand: Hand) -> None:
    hand.click("latentBoundButton")
    hand.settle()
    panel = hand.find(LatentLikelihood)
    (table,) = panel.findChildren(NumberTable)
    for key in ("reconstruction", "level 1", "level 3", "elbo", "weighted", "gap", "bits"):
        assert "±" in table.text(key), key
    hand.drag_slider(2)
    (plot,) = panel.findChildren(StackPlot)
    assert plot.time() == 2


def test_a_session_of_a_chain_opens_as_it_was(hand: Hand, tmp_path: Path) -> None:
    hand.play_to_end()
    hand.drag_slider(2)
    hand.settle()
    drag_number(hand, 0, 1.5)
    hand.click("playButton")  # goes on as a branch
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    path, shown = str(tmp_path / "kept.dxsession"), {}
    runs = [(run.number, run.parent, run.edit_name, run.times, run.finished) for run in hand.session.family]
    for t in range(L + 1):
        hand.drag_slider(t)
        hand.settle()
        shown[t] = (hand.data("z_t"), hand.data("decoded"))
    hand.session.save_session(path)
    hand.settle()
    hand.session.change(source="forward")
    hand.settle()
    hand.window.open(path)
    hand.settle()
    assert hand.window.state.source == "reverse"
    assert [(run.number, run.parent, run.edit_name, run.times, run.finished) for run in hand.session.family] == runs
    assert len(runs) == 2
    for t, arrays in shown.items():
        hand.drag_slider(t)
        hand.settle()
        for name, before in zip(("z_t", "decoded"), arrays, strict=True):
            np.testing.assert_array_equal(hand.data(name), before)
    assert not hand.sentences


def test_a_run_is_shared_without_what_a_chain_has_not(hand: Hand, tmp_path: Path) -> None:
    hand.play_to_end()
    menu = hand.find(QMenu, "shareMenu")
    menu.aboutToShow.emit()
    greyed = {action.objectName() for action in menu.actions() if not action.isEnabled()}
    assert greyed == {"sharePlots", "sharePlainScript"}
    for ending in ("npz", "html", "py", "gif"):
        hand.session.save(str(tmp_path / f"run.{ending}"))
        hand.settle()
        assert (tmp_path / f"run.{ending}").stat().st_size > 500
    assert not hand.sentences
