"""Branching off a run, going from one run to another, and the tree that shows them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from explorer.state import State
from explorer.ui.branch_tree import BranchTree
from explorer.ui.runs import MAX_RUNS, RunRecord, differences
from tests.ui.running import same

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def tree(hand: Hand) -> BranchTree:
    return hand.find(BranchTree, "branchTree")


def on_show(hand: Hand) -> RunRecord:
    run = hand.session.run
    assert run is not None
    return run


def click(
    hand: Hand, run: RunRecord, step: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    place = QPoint(round(tree(hand).x_of_step(run, step)), tree(hand).lane_of(run.number))
    QTest.mouseClick(tree(hand), Qt.MouseButton.LeftButton, modifier, place)
    hand.settle()


@pytest.fixture
def made(hand: Hand) -> Hand:
    """A finished run of 8 DDIM steps, step 4 on show."""
    hand.type_into(hand.spin("stepsSpin"), "8")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(4)
    hand.settle()
    return hand


def test_b_branches_at_the_step_on_show(made: Hand) -> None:
    hand = made
    parent, shown = on_show(hand), hand.shown()
    assert not tree(hand).isVisible(), "one run is no tree"
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_B)
    hand.settle()
    child = on_show(hand)
    assert child is not parent
    assert child.parent == (parent.number, 4)
    assert (child.made, parent.made) == (5, 9)
    assert hand.window.state.step == 4
    assert same(shown, hand.shown())
    assert tree(hand).isVisible()
    assert len(hand.strip.steps) == 5


def test_a_branch_that_changes_nothing_shows_what_its_parent_shows(made: Hand) -> None:
    hand = made
    parent = on_show(hand)
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_End)
    hand.settle()
    end = hand.shown()
    hand.session.set_step(3)
    hand.settle()
    hand.click("branchButton")
    hand.settle()
    hand.play_to_end()
    assert on_show(hand) is not parent
    assert same(end, hand.shown())
    assert [dict(values) for values in on_show(hand).scalars] == [dict(values) for values in parent.scalars]


def test_choices_after_branching_are_for_the_branch_alone(made: Hand) -> None:
    hand = made
    parent = on_show(hand)
    click_end = hand.session.set_step
    click_end(8)
    hand.settle()
    end = hand.shown()
    click_end(4)
    hand.settle()
    hand.click("branchButton")
    hand.settle()
    before = hand.data("x_t")
    hand.choose(hand.combo("samplerCombo"), "ddpm")
    hand.type_into(hand.spin("stepsSpin"), "20")
    hand.type_into(hand.spin("samplerSeedSpin"), "7")
    hand.settle()
    child = on_show(hand)
    assert child.parent == (parent.number, 4)
    assert hand.window.state.step == 4
    assert np.array_equal(before, hand.data("x_t"))
    hand.play_to_end()
    assert child.finished
    assert child.made > 9, "the rest of a finer plan"
    assert not np.array_equal(end["x_t"], hand.data("x_t"))
    last = hand.shown()
    # The parent is as it was, and so are its choices.
    click(hand, parent, 8)
    assert on_show(hand) is parent
    assert same(end, hand.shown())
    assert hand.combo("samplerCombo").currentData() == "ddim"
    assert hand.spin("stepsSpin").value() == 8
    assert hand.spin("samplerSeedSpin").value() == 0
    assert len(hand.strip.steps) == 9
    click(hand, child, child.made - 1)
    assert same(last, hand.shown())
    assert hand.combo("samplerCombo").currentData() == "ddpm"


def test_a_label_chosen_on_the_way_back_through_a_run_branches_by_itself(made: Hand) -> None:
    hand = made
    parent = on_show(hand)
    hand.choose(hand.combo("labelCombo"), 1)
    hand.settle()
    child = on_show(hand)
    assert child.parent == (parent.number, 4)
    assert parent.made == 9, "nothing that was made is lost"
    hand.play_to_end()
    assert child.finished
    assert child is on_show(hand)


def test_another_seed_begins_another_run_and_the_first_stays(made: Hand) -> None:
    hand = made
    first = on_show(hand)
    x_t = hand.data("x_t")
    hand.type_into(hand.spin("samplerSeedSpin"), "3")
    hand.settle()
    second = on_show(hand)
    assert second.parent is None
    hand.type_into(hand.spin("samplerSeedSpin"), "4")
    hand.settle()
    assert second not in hand.session.family, "it was hardly begun"
    assert [run.number for run in hand.session.family] == [first.number, on_show(hand).number]
    tree(hand).setFocus()
    QTest.keyClick(tree(hand), Qt.Key.Key_Up)
    hand.settle()
    assert on_show(hand) is first
    hand.session.set_step(4)
    hand.settle()
    assert np.array_equal(x_t, hand.data("x_t"))
    assert hand.spin("samplerSeedSpin").value() == 0


def test_another_number_of_samples_leaves_the_branch(made: Hand) -> None:
    """A branch shares its steps with the run it leaves, and so the number of samples."""
    hand = made
    hand.click("branchButton")
    hand.settle()
    hand.session.change(count=3)
    hand.settle()
    assert on_show(hand).parent is None
    assert hand.window.state.step == 0
    assert len(hand.data("x_t")) == 3
    assert hand.sentences == []


def test_home_and_space_begin_at_x_t_with_what_was_chosen_on_a_branch(made: Hand) -> None:
    hand = made
    first = on_show(hand)
    hand.click("branchButton")
    hand.type_into(hand.spin("samplerSeedSpin"), "9")
    hand.settle()
    hand.key(Qt.Key.Key_Home)  # the number is done with
    hand.settle()
    assert hand.session.state.step == 0
    hand.key(Qt.Key.Key_Space)
    hand.settle()
    run = on_show(hand)
    assert run.parent is None
    assert run.number != first.number
    assert run.finished
    assert run.choices.sampler_seed == 9


def test_a_branch_of_a_branch_and_words_for_each(made: Hand) -> None:
    hand = made
    first = on_show(hand)
    hand.click("branchButton")
    hand.settle()
    hand.type_into(hand.spin("samplerSeedSpin"), "9")
    hand.settle()
    second = on_show(hand)
    hand.session.set_step(2)
    hand.settle()
    hand.click("branchButton")
    hand.settle()
    third = on_show(hand)
    assert third.parent == (second.number, 2)
    words = tree(hand).words
    assert words(first) == f"Run {first.number}: DDIM, 8 steps, seed 0"
    assert words(second) == f"Run {second.number}, branched off run {first.number} at step 4: seed 0 → 9"
    assert words(third).endswith("at step 2: the same choices")
    annealed = replace(first, choices=first.choices.with_changes(sampler="annealed_langevin"))
    assert words(annealed) == f"Run {first.number}: Annealed Langevin, 8 levels, seed 0"
    place = QPoint(60, tree(hand).lane_of(second.number))
    QApplication.sendEvent(tree(hand), QHelpEvent(QEvent.Type.ToolTip, place, tree(hand).mapToGlobal(place)))
    assert QToolTip.text().startswith(words(second))
    QToolTip.hideText()
    # One lane each, the youngest below what it branched off.
    lanes = [tree(hand).lane_of(run.number) for run in (first, second, third)]
    assert lanes == sorted(lanes)
    assert tree(hand).height() >= lanes[-1]


def test_a_drag_along_the_lane_on_show_goes_through_its_steps(made: Hand) -> None:
    hand = made
    hand.click("branchButton")
    hand.settle()
    run, strip = on_show(hand), tree(hand)
    y = strip.lane_of(run.number)
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.x_of_step(run, 3)), y))
    QTest.mouseMove(strip, QPoint(round(strip.x_of_step(run, 1)), y))
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.x_of_step(run, 1)), y))
    hand.settle()
    assert hand.window.state.step == 1
    assert on_show(hand) is run


def test_reset_forgets_the_run_on_show_alone(made: Hand) -> None:
    hand = made
    parent = on_show(hand)
    hand.click("branchButton")
    hand.settle()
    child = on_show(hand)
    hand.click("resetButton")
    hand.settle()
    assert hand.window.state.step == 0
    assert parent in hand.session.family
    assert child not in hand.session.family


def test_reset_keeps_what_cannot_be_played_again(made: Hand) -> None:
    hand = made
    parent = on_show(hand)
    hand.click("backButton")
    hand.click("branchButton")
    hand.settle()
    child = on_show(hand)
    hand.click("stepButton")
    hand.settle()
    hand.click("resetButton")
    hand.settle()
    assert hand.window.state.step == 0
    assert parent in hand.session.family
    assert child in hand.session.family


def test_a_forward_view_has_no_branches(made: Hand) -> None:
    hand = made
    hand.click("branchButton")
    hand.settle()
    hand.choose(hand.combo("sourceCombo"), "forward")
    hand.settle()
    assert not tree(hand).isVisible()
    assert not hand.button("branchButton").isEnabled()
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_B)
    assert hand.sentences[-1] == "Only a run can be branched: play one first."
    hand.reverse()
    assert tree(hand).isVisible(), "what was made is still there"


def test_the_oldest_runs_make_room(made: Hand) -> None:
    hand = made
    first = on_show(hand)
    for _ in range(MAX_RUNS + 1):
        hand.click("branchButton")
        hand.settle()
    assert len(hand.session.family) == MAX_RUNS
    assert first not in hand.session.family
    hand.play_to_end()
    assert on_show(hand).finished


def test_langevin_branches_are_drawn_over_their_steps(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "langevin")
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.settle()
    hand.play_to_end()
    hand.session.set_step(3)
    hand.settle()
    hand.click("branchButton")
    hand.settle()
    run = on_show(hand)
    places = [tree(hand).x_of_step(run, step) for step in range(4)]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 4
    click(hand, run, 2)
    assert hand.window.state.step == 2


def test_runs_that_are_in_the_tree_are_kept_however_many_seeds_are_tried(made: Hand) -> None:
    hand = made
    first, x_t = on_show(hand), hand.data("x_t")
    for seed in range(1, 20):
        hand.type_into(hand.spin("samplerSeedSpin"), str(seed))
        hand.settle()
    hand.session.show_run(first.number, 4)
    hand.settle()
    assert np.array_equal(hand.data("x_t"), x_t)
    assert not hand.sentences


def test_what_differs_is_said_in_the_windows_own_words() -> None:
    one = State(label=None, parameters={"clip": True})
    other = State(label=1, parameters={"clip": False, "eta": 0.5, "step_size": 0.1})
    found = differences(one, other)
    assert found == ["label none → 1", "clip x̂₀ on → off", "η default → 0.5", "step size default → 0.1"]
    assert differences(other, other) == []
