"""Two runs beside each other in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from explorer.ui.runs import RunRecord
from explorer.ui.tiles import Tiles
from tests.ui.test_branches import on_show, tree

if TYPE_CHECKING:
    from tests.ui.hand import Hand


@pytest.fixture
def two(hand: Hand) -> Hand:
    """A finished run of 6 DDIM steps, and a branch of it at step 2 that went on by DDPM, step 4 on show."""
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(2)
    hand.settle()
    hand.click("branchButton")
    hand.settle()
    hand.choose(hand.combo("samplerCombo"), "ddpm")
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.settle()
    hand.play_to_end()
    hand.session.set_step(4)
    hand.settle()
    return hand


def first(hand: Hand) -> RunRecord:
    return next(iter(hand.session.family))


def names(hand: Hand) -> tuple[str, ...]:
    return hand.find(Tiles).names()


COMPARED = ("x_t", "x_t:b", "x_t:difference", "x0", "x0:b", "x0:difference")


def test_the_list_puts_a_run_beside_the_one_on_show(two: Hand) -> None:
    hand = two
    alone = names(hand)
    mine = hand.data("x_t")
    hand.choose(hand.combo("compareCombo"), first(hand).number)
    hand.settle()
    assert names(hand) == COMPARED
    assert np.array_equal(hand.data("x_t"), mine)
    assert np.array_equal(hand.data("x_t:difference"), hand.data("x_t") - hand.data("x_t:b"))
    assert np.abs(hand.data("x_t:difference")).max() > 0
    hand.slider.setFocus()
    for _ in range(2):
        hand.key(Qt.Key.Key_Left)
        hand.settle()
    assert hand.window.state.step == 2
    assert not hand.data("x_t:difference").any(), "up to there they are one"
    # The statistics of both.
    x, y = hand.plot("statisticsPlot").shadow("x_t")
    assert list(x) == list(first(hand).times)
    assert y[-1] == pytest.approx(first(hand).scalars[-1]["x_t"])
    hand.choose(hand.combo("compareCombo"), None)
    hand.settle()
    assert names(hand) == alone
    with pytest.raises(KeyError):
        hand.plot("statisticsPlot").shadow("x_t")


def test_shift_click_and_right_click_in_the_tree(two: Hand) -> None:
    hand = two
    strip, other = tree(hand), first(hand)
    place = QPoint(round(strip.x_of_step(other, 1)), strip.lane_of(other.number))
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, place)
    hand.settle()
    assert hand.session.compared == other.number
    assert names(hand) == COMPARED
    assert on_show(hand) is not other
    QTest.mouseClick(strip, Qt.MouseButton.RightButton, pos=place)
    hand.settle()
    assert not hand.session.comparing


def test_a_click_on_the_compared_run_changes_their_places(two: Hand) -> None:
    hand = two
    mine, other = on_show(hand), first(hand)
    hand.session.compare(other.number)
    hand.settle()
    difference = hand.data("x_t:difference")
    strip = tree(hand)
    place = QPoint(round(strip.x_of_step(other, 4)), strip.lane_of(other.number))
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=place)
    hand.settle()
    assert (on_show(hand), hand.session.compared) == (other, mine.number)
    assert np.array_equal(hand.data("x_t:difference"), -difference)


def test_one_lens_is_compared(two: Hand) -> None:
    hand = two
    hand.session.compare(first(hand).number)
    hand.settle()
    hand.choose(hand.combo("compareLensCombo"), "eps")
    hand.settle()
    assert names(hand) == ("eps", "eps:b", "eps:difference")
    assert np.array_equal(hand.data("eps:difference"), hand.data("eps") - hand.data("eps:b"))
    hand.choose(hand.combo("compareLensCombo"), "x_t x0")
    hand.settle()
    assert names(hand) == COMPARED


def test_a_run_that_is_made_is_compared_on_the_way(two: Hand) -> None:
    hand = two
    hand.session.compare(first(hand).number)
    hand.settle()
    hand.type_into(hand.spin("samplerSeedSpin"), "8")
    hand.settle()
    hand.frames.clear()
    hand.play_to_end()
    made = [seen for seen, _ in hand.frames if not seen.replayed]
    assert made
    assert all(seen.against is not None for seen in made)


def test_without_a_second_run_there_is_nothing_to_choose(hand: Hand) -> None:
    assert not hand.combo("compareCombo").isVisible()
    hand.reverse()
    assert not hand.combo("compareCombo").isVisible()
