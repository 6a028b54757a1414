"""The menu Try, and starting points chosen with the mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from explorer.ui.plane_view import PlaneView
from explorer.ui.starting import Start
from explorer.ui.trials import TRIALS
from tests.ui.hand import Hand, MakeHand


def test_starting_clouds_are_where_they_say() -> None:
    points = Start(1.0, -2.0, 0.5).points(20_000, 3)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points.mean(0), [1, -2], atol=0.02)
    np.testing.assert_allclose(points.std(0), 0.5, atol=0.02)
    square = Start(uniform=2.0).points(5_000, 0)
    assert np.abs(square).max() <= 2
    np.testing.assert_allclose(square.std(0), 2 / 3**0.5, rtol=0.05)


def click(hand: Hand, x: float, y: float) -> None:
    """On a place of the plane in the tile x_t."""
    view = next(view for view in hand.window.tile("x_t").findChildren(PlaneView))
    area = view.area()
    place = QPoint(round(area.x() + (x + 3.5) / 7 * area.width()), round(area.y() + (3.5 - y) / 7 * area.height()))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)


def test_a_click_sets_the_start_and_escape_forgets_it(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    click(hand, 2.0, -1.5)
    hand.settle()
    assert hand.session.state.source == "reverse"
    began = hand.data("x_t")
    np.testing.assert_allclose(began.mean(0), [2.0, -1.5], atol=0.1)
    assert began.std() < 2
    assert hand.status.startswith("Starts around (")
    hand.key(Qt.Key.Key_Escape)
    hand.settle()
    np.testing.assert_allclose(hand.data("x_t").std(0), 1, atol=0.2)
    assert hand.session.start is None


def test_trials_are_set_up_and_played(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    menu = next(a.menu() for a in hand.window.menuBar().actions() if a.text() == "&Try")
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [trial.title for trial in TRIALS]
    menu.actions()[0].trigger()
    assert hand.status == TRIALS[0].sentence
    assert hand.session.state.sampler == "langevin"
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    assert hand.window.tile("shares").data().shape == (2,)
    modes = hand.data("x_t")
    # All of them on one of two modes: nothing is left of their spread but between the two.
    near = np.stack([np.linalg.norm(modes - place, axis=1) for place in np.array([[-1.0, 0.0], [1.0, 0.5]])])
    assert float(np.quantile(near.min(0), 0.9)) < 0.3
