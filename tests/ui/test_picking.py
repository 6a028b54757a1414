"""The pixel that lenses of one number are about, chosen with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from explorer.lenses.drawable import Chart
from explorer.ui.linked_view import LinkedView
from tests.ui.conftest import SIDE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ui.hand import Hand


def click_pixel(hand: Hand, lens: str, row: int, column: int) -> None:
    view = hand.window.tile(lens).view()
    assert view is not None
    place = view.to_widget(QPointF((column + 0.5) / SIDE, (row + 0.5) / SIDE)).toPoint()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    hand.settle()


def chart(hand: Hand, lens: str) -> Chart:
    drawn = hand.window.tile(lens).drawable()
    assert isinstance(drawn, Chart)
    return drawn


def mark_in(hand: Hand, lens: str) -> tuple[int, int] | None:
    view = hand.window.tile(lens).view()
    assert isinstance(view, LinkedView)
    return view.viewport.mark


def test_a_click_chooses_the_pixel(hand: Hand) -> None:
    hand.session.change(lenses=("x_t", "mean", "step_pixel", "noising", "noising_path"))
    hand.settle()
    assert "pixel (4, 4)" in chart(hand, "step_pixel").x_label
    click_pixel(hand, "x_t", 1, 6)
    assert hand.session.place == (1, 6)
    assert mark_in(hand, "x_t") == (1, 6)
    for lens in ("step_pixel", "noising"):
        assert "pixel (6, 1)" in chart(hand, lens).x_label
    mark = chart(hand, "noising_path").mark
    assert mark is not None
    assert np.isclose(mark[1], hand.data("x_t")[0, 0, 1, 6])
    # The model's step has its mean in this pixel where the tile of means has it.
    places, density = chart(hand, "step_pixel").data[1]
    assert np.isclose(places[density.argmax()], hand.data("mean")[0, 0, 1, 6], atol=1e-3)
    hand.session.change(lenses=("x_t", "x0"))
    hand.settle()
    assert mark_in(hand, "x_t") is None
    click_pixel(hand, "x_t", 3, 3)
    assert hand.session.place == (1, 6), "nothing on show is about one pixel"
    assert not hand.sentences


def test_another_model_begins_in_the_middle(hand: Hand, plane: Path, tiny: Path) -> None:
    hand.session.change(lenses=("x_t", "noising"))
    hand.settle()
    click_pixel(hand, "x_t", 0, 0)
    assert "pixel (0, 0)" in chart(hand, "noising").x_label
    hand.window.open(str(plane))
    hand.settle()
    assert hand.session.place is None
    hand.session.change(lenses=("x_t", "noising"))
    hand.settle()
    assert chart(hand, "noising").x_label.startswith("x₁")
    hand.window.open(str(tiny))
    hand.settle()
    hand.session.change(lenses=("x_t", "x0"))  # a plot's menus are windows of their own
    hand.settle()
    assert not hand.sentences
