"""The tab about grids of runs and the grid in the centre, worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from explorer.engine.grid_frame import GridCell, Measure
from explorer.ui.grid_panel import GridPanel
from explorer.ui.grid_view import GridView, best_of, half_width_of
from explorer.ui.grids import Grids
from tests.ui.test_likelihood import open_tab

if TYPE_CHECKING:
    from tests.ui.hand import Hand


@pytest.fixture
def gridding(hand: Hand) -> Iterator[Hand]:
    """The pictures with the tab in view."""
    open_tab(hand, "Grid")
    yield hand
    leave(hand)


@pytest.fixture
def gridding_points(plane_hand: Hand) -> Iterator[Hand]:
    """The exact mixture with the tab in view."""
    open_tab(plane_hand, "Grid")
    yield plane_hand
    leave(plane_hand)


def leave(hand: Hand) -> None:
    hand.find(Grids).job.stop()
    hand.window.leave()
    open_tab(hand, "Plots")


def write(hand: Hand, name: str, text: str) -> None:
    field = hand.find(QLineEdit, name)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def wish(hand: Hand, rows: str, row_values: str, columns: str, column_values: str) -> None:
    """Columns first go where nobody is in the way."""
    hand.choose(hand.combo("gridRowsCombo"), rows)
    hand.choose(hand.combo("gridColumnsCombo"), columns)
    write(hand, "gridRowsEdit", row_values)
    write(hand, "gridColumnsEdit", column_values)


def view(hand: Hand) -> GridView:
    return hand.find(GridView)


def found(hand: Hand) -> dict[tuple[int, int], GridCell]:
    return {place: shown.cell for place, shown in view(hand).cells.items() if shown.cell is not None}


def test_a_grid_takes_the_place_of_the_tiles_and_a_cell_becomes_the_run(gridding: Hand) -> None:
    hand = gridding
    assert hand.find(QLineEdit, "gridRowsEdit").text() == "ddim, ddpm, dpmpp_2m, heun"
    assert hand.find(QLineEdit, "gridColumnsEdit").text() == "5, 10, 20, 50"
    assert hand.spin("gridCountSpin").value() == 4
    write(hand, "gridRowsEdit", "ddim, heun")
    write(hand, "gridColumnsEdit", "2, 5")
    hand.click("gridRunButton")
    assert view(hand).isVisible()
    assert not hand.window.tile("x_t").isVisible()
    hand.settle()
    cells = found(hand)
    assert [cells[place].network_calls for place in sorted(cells)] == [2, 5, 3, 9]
    shown = view(hand).cells
    assert shown[1, 1].caption == "9 · reference"
    assert sum(cell.best for cell in shown.values()) == 1
    assert "r.m.s. difference" in hand.find(GridPanel)._heading.text()
    assert "Heun, steps 5" in shown[1, 1].accessibleName()
    QTest.mouseClick(shown[1, 0], Qt.MouseButton.LeftButton)
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    assert not view(hand).isVisible()
    state = hand.window.state
    assert (state.sampler, state.steps, state.count, state.source) == ("heun", 2, 4, "reverse")
    np.testing.assert_array_equal(hand.data("x_t"), cells[1, 0].x)
    hand.click("gridShowButton")
    assert view(hand).isVisible()
    hand.key(Qt.Key.Key_Escape)
    assert not view(hand).isVisible()
    assert hand.window.tile("x_t").isVisible()


def test_stop_keeps_the_cells_that_are_there(gridding: Hand) -> None:
    hand = gridding
    wish(hand, "sampler_seed", "0-9", "steps", "100")
    hand.click("gridRunButton")
    hand.until(lambda: len(found(hand)) >= 1)
    assert not hand.button("gridRunButton").isEnabled()
    hand.click("gridStopButton")
    hand.settle()
    assert 1 <= len(found(hand)) < 10
    assert not any(cell._awaited for cell in view(hand).cells.values()), "the others are not run"
    assert hand.button("gridRunButton").isEnabled()
    hand.click("gridBackButton")
    assert not view(hand).isVisible()


@pytest.mark.parametrize(
    ("rows", "row_values", "columns", "column_values", "told"),
    [
        ("sampler", "ddim, what", "steps", "5", "no sampler called “what”"),
        ("sampler", "ddim", "steps", "5, many", "“many” is not a whole number"),
        ("sampler", " ", "steps", "5", "at least one value"),
        ("steps", "5", "steps", "6", "Rows and columns vary the same thing"),
        ("label", "ring, moon", "steps", "5", "no label “moon”"),
        ("sampler_seed", "0-50", "steps", "1, 2, 3", "at most 100 cells"),
        ("guidance_scale", "1, 2", "steps", "2", "Without a label guidance changes nothing"),
        ("eta", "a", "steps", "2", "is not a number"),
    ],
)
def test_bad_values_are_told_in_one_sentence(
    gridding: Hand, rows: str, row_values: str, columns: str, column_values: str, told: str
) -> None:
    hand = gridding
    wish(hand, rows, row_values, columns, column_values)
    hand.click("gridRunButton")
    assert told in hand.sentences[-1]
    assert hand.sentences[-1].endswith(".")
    assert hand.banner.isVisible()
    assert not view(hand).isVisible()


def test_a_cell_that_cannot_be_says_why(gridding: Hand) -> None:
    hand = gridding
    wish(hand, "sampler", "ddim, heun", "eta", "0, 1")
    hand.type_into(hand.spin("stepsSpin"), "3")
    hand.click("gridRunButton")
    hand.settle()
    shown = view(hand).cells
    assert shown[0, 1].caption.startswith("3")
    assert shown[1, 0].cell is not None
    assert shown[1, 0].cell.error == "Heun has no η."
    QTest.mouseClick(shown[1, 0], Qt.MouseButton.LeftButton)
    assert view(hand).isVisible()


def test_points_have_an_energy_distance_and_the_keyboard_reaches_them(gridding_points: Hand) -> None:
    hand = gridding_points
    wish(hand, "sampler", "ddim, ddpm", "steps", "2, 20")
    QTest.keyClick(hand.find(QLineEdit, "gridColumnsEdit"), Qt.Key.Key_Return)
    hand.settle()
    cells = found(hand)
    assert all(cell.x is not None and cell.x.shape == (1000, 2) for cell in cells.values())
    assert "energy distance (lower is better)" in view(hand)._told.text()
    assert "fresh ones of the exact distribution" in hand.find(GridPanel)._words.text()
    shown = view(hand).cells
    assert shown[0, 1].best or shown[1, 1].best
    shown[0, 1].setFocus()
    QTest.keyClick(shown[0, 1], Qt.Key.Key_Return)
    hand.until(lambda: not hand.session.playing and not hand.window.busy)
    np.testing.assert_array_equal(hand.data("x_t")[:1000], cells[0, 1].x)


def test_labels_are_picked_from_a_list(gridding: Hand) -> None:
    hand = gridding
    hand.choose(hand.combo("gridRowsCombo"), "label")
    assert hand.find(QLineEdit, "gridRowsEdit").text() == "all"
    field = hand.find(GridPanel).rows
    field._menu.aboutToShow.emit()
    action = next(action for action in field._menu.actions() if action.text() == "cross")
    assert action.isChecked()
    action.trigger()
    assert field.text == "ring, bar"


def test_the_best_is_the_best_for_the_fewest_calls() -> None:
    up, down = Measure("share", "", True, "%"), Measure("distance", "", False)

    def cell(row: int, quality: float | None, calls: int, measure: Measure = up, reference: bool = False) -> GridCell:
        return GridCell(row, 0, np.zeros((1, 1, 1, 1), np.float32), calls, 0.0, quality, measure, reference)

    assert best_of([cell(0, 0.5, 5), cell(1, 1.0, 20), cell(2, 1.0, 10)]) == {(2, 0)}
    assert best_of([cell(0, 0.5, 5, down), cell(1, 0.0, 9, down, True), cell(2, 0.2, 5, down)]) == {(2, 0)}
    assert best_of([cell(0, 1.0, 5), cell(1, 1.0, 5), cell(2, None, 5)]) == set()
    assert best_of([cell(0, 0.5, 5), cell(1, 1.0, 5), cell(2, 1.0, 5)]) == set()  # most are as good


def test_points_that_went_astray_do_not_widen_the_plane() -> None:
    cells = [GridCell(i, 0, np.full((10, 2), reach, np.float32)) for i, reach in enumerate((1.0, 1.0, 1e6))]
    assert half_width_of(cells) == pytest.approx(1.2)
