"""Another noise schedule: by name, with parameters, and drawn with the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QToolButton

from explorer.request import ScheduleChoice
from explorer.ui.curves import Curves
from explorer.ui.schedule_handles import LEAST_FALL, ScheduleHandles, points_of
from explorer.ui.time_axis import positions
from tests.ui.hand import Hand
from tests.ui.schedule_choice import choose, table

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def own(hand: Hand) -> Hand:
    """The tiny model on its own schedule, its SNR not being edited, in a window with room for the plot."""
    hand.window.resize(1360, 900)
    if hand.find(QToolButton, "scheduleEditButton").isChecked():
        hand.click("scheduleEditButton")
    choose(hand, "own")
    assert hand.window.state.schedule == ScheduleChoice()
    hand.frames.clear()
    return hand


def handles(hand: Hand) -> ScheduleHandles:
    return hand.find(ScheduleHandles)


def edit(hand: Hand) -> ScheduleHandles:
    hand.click("scheduleEditButton")
    hand.qtbot.wait(20)
    return handles(hand)


def place(handles: ScheduleHandles, index: int, right: float = 0, down: float = 0) -> QPoint:
    return (handles.place(handles.points[index]) + QPointF(right, down)).toPoint()


def drag(handles: ScheduleHandles, index: int, right: int, down: int) -> None:
    begin, end = place(handles, index), place(handles, index, right, down)
    QTest.mousePress(handles, LEFT, pos=begin)
    QTest.mouseMove(handles, QPoint((begin.x() + end.x()) // 2, (begin.y() + end.y()) // 2))
    QTest.mouseMove(handles, end)
    QTest.mouseRelease(handles, LEFT, pos=end)


def test_a_named_schedule_is_looked_at(own: Hand) -> None:
    hand = own
    before = hand.data("x_t")
    choose(hand, "rectified_flow")
    assert hand.window.state.schedule == ScheduleChoice("rectified_flow")
    seen = hand.frames[-1][0]
    assert (seen.t, seen.a, seen.s) == (40, pytest.approx(0.6), pytest.approx(0.4))
    assert not np.array_equal(hand.data("x_t"), before)
    snr = hand.plot("snrPlot")
    np.testing.assert_allclose(snr.curve("SNR")[1][39], (0.6 / 0.4) ** 2)
    assert snr.shadow("SNR")[0][-1] == 100  # the model's own, behind
    assert hand.plot("schedulePlot").names() == ("a", "s = σ")
    # diffusers' schedulers need β, which this one has not.
    combo = hand.combo("samplerCombo")
    tip = combo.itemData(combo.findData("diffusers:PNDMScheduler"), Qt.ItemDataRole.ToolTipRole)
    assert "need a schedule made of β" in tip
    hand.click("scheduleResetButton")
    hand.settle()
    assert hand.window.state.schedule == ScheduleChoice()
    assert np.array_equal(hand.data("x_t"), before)
    assert not hand.find(QToolButton, "scheduleResetButton").isEnabled()
    with pytest.raises(KeyError):
        snr.shadow("SNR")


def test_the_timeline_has_the_schedules_scale(own: Hand) -> None:
    hand = own
    hand.combo("scaleCombo").setCurrentIndex(1)
    before = [hand.slider.x_of(t) for t in (20, 50, 80)]
    choose(hand, "linear")
    assert hand.window.state.schedule.name == "linear"
    places = positions(100, table(hand), "log SNR")
    now = [hand.slider.x_of(t) for t in (20, 50, 80)]
    assert now != before
    span = hand.slider.x_of(100) - hand.slider.x_of(0)
    np.testing.assert_allclose([(x - hand.slider.x_of(0)) / span for x in now], places[[20, 50, 80]], atol=1e-9)


def test_parameters_of_a_schedule(own: Hand) -> None:
    hand = own
    choose(hand, "karras")
    assert hand.find(QToolButton, "scheduleParametersButton").isVisible()
    rho = hand.find(QDoubleSpinBox, "schedule:rho")
    assert rho.value() == 7
    rho.setValue(3)
    hand.settle()
    assert dict(hand.window.state.schedule.parameters)["rho"] == 3
    assert hand.combo("scheduleCombo").currentData() == "karras"
    sigma = table(hand).noise
    np.testing.assert_allclose(sigma[50] ** (1 / 3) - sigma[49] ** (1 / 3), sigma[3] ** (1 / 3) - sigma[2] ** (1 / 3))
    choose(hand, "rectified_flow")
    assert not hand.find(QToolButton, "scheduleParametersButton").isVisible()


def test_a_run_begins_again_on_it_and_marks_its_times(own: Hand) -> None:
    hand = own
    hand.reverse()
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.settle()
    hand.play_to_end()
    choose(hand, "sigmoid_alpha_bar")
    run = hand.session.run
    assert run is not None
    assert run.made == 1
    hand.play_to_end()
    assert hand.window.state.t == 0
    for seen, _ in hand.frames[-3:]:
        assert seen.a == table(hand).signal[seen.t]
    marks = hand.plot("snrPlot")._marks.getData()
    assert set(marks[0]) == set(run.times) - {0}


def test_an_impossible_schedule_leaves_everything(own: Hand) -> None:
    hand = own
    before = hand.data("x_t")
    hand.session.change(schedule=ScheduleChoice("dream"))
    hand.settle()
    assert "no schedule called" in hand.banner.text()
    assert hand.window.state.schedule == ScheduleChoice()
    assert hand.combo("scheduleCombo").currentData() == "own"
    assert np.array_equal(hand.data("x_t"), before)


def test_what_the_network_has_not_seen_is_said_by_the_plot(own: Hand) -> None:
    hand = own
    choose(hand, "ve_sde")
    (alert,) = hand.find(Curves).findChildren(QLabel, "alert")
    assert alert.isVisible()
    assert "the nearest level it knows" in alert.text()
    choose(hand, "own")
    assert "nearest level" not in alert.text()


def test_dragging_a_point_draws_a_schedule(own: Hand) -> None:
    hand = own
    layer = edit(hand)
    first = layer.points
    assert 5 <= len(first) <= 8
    assert (first[0][0], first[-1][0]) == (1, 100)
    assert hand.window.state.schedule == ScheduleChoice()  # nothing is changed yet
    begin, end = place(layer, 3), place(layer, 3, 6, -12)
    QTest.mousePress(layer, LEFT, pos=begin)
    QTest.mouseMove(layer, end)
    assert layer.points[3] != first[3]  # it follows the mouse …
    assert hand.window.state.schedule == ScheduleChoice()  # … and counts when it is let go
    QTest.mouseRelease(layer, LEFT, pos=end)
    hand.settle()
    choice = hand.window.state.schedule
    assert choice.name == "custom"
    assert choice.points == layer.points
    assert choice.points[3][1] > first[3][1]
    assert choice.points[3][0] > first[3][0]
    assert [p for i, p in enumerate(choice.points) if i != 3] == [p for i, p in enumerate(first) if i != 3]
    assert hand.combo("scheduleCombo").currentData() == "custom"
    for t, level in choice.points:
        assert table(hand).log_snr[int(t)] == pytest.approx(level)
    assert hand.frames[-1][0].a == table(hand).signal[40]


def test_a_point_cannot_pass_its_neighbours(own: Hand) -> None:
    hand = own
    layer = edit(hand)
    first = layer.points
    drag(layer, 2, 2000, 2000)
    hand.settle()
    assert layer.points[2][0] == first[3][0] - 1
    assert layer.points[2][1] == pytest.approx(first[3][1] + LEAST_FALL)
    drag(layer, 0, 50, 0)
    hand.settle()
    assert layer.points[0][0] == 1  # an end stays at its time
    assert (np.diff(table(hand).log_snr[1:]) < 0).all()
    assert not hand.sentences


def test_points_come_and_go(own: Hand) -> None:
    hand = own
    layer = edit(hand)
    count = len(layer.points)
    between = (layer.place(layer.points[2]) + layer.place(layer.points[3])) / 2
    QTest.mouseDClick(layer, LEFT, pos=between.toPoint())
    hand.settle()
    assert len(hand.window.state.schedule.points) == count + 1
    QTest.mouseClick(layer, RIGHT, pos=place(layer, 3))
    hand.settle()
    assert len(hand.window.state.schedule.points) == count
    QTest.mouseClick(layer, LEFT, pos=place(layer, 2))
    QTest.keyClick(layer, Qt.Key.Key_Delete)
    hand.settle()
    assert len(hand.window.state.schedule.points) == count - 1
    for end in (0, count - 2):
        QTest.mouseClick(layer, RIGHT, pos=place(layer, end))
    hand.settle()
    assert len(hand.window.state.schedule.points) == count - 1  # the ends stay


def test_the_arrow_keys_move_a_point(own: Hand) -> None:
    hand = own
    layer = edit(hand)
    first = layer.points
    QTest.mouseClick(layer, LEFT, pos=place(layer, 2))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        QTest.keyClick(layer, key)
    hand.settle()
    found = hand.window.state.schedule.points[2]
    assert found[0] == first[2][0] + 2
    assert found[1] == pytest.approx(first[2][1] + 0.25)
    assert hand.window.state.t == 40  # and nothing else


def test_the_cursor_is_dragged_as_ever(own: Hand) -> None:
    hand = own
    snr = hand.plot("snrPlot")
    layer = snr.cursor_layer
    assert not handles(hand).isVisible()
    at = QPoint(round(layer.x_of(70)), layer.height() // 2)
    QTest.mouseClick(layer, LEFT, pos=at)
    hand.settle()
    assert abs(hand.window.state.t - 70) <= 1
    over = edit(hand)
    QTest.mouseClick(over, LEFT, pos=QPoint(round(layer.x_of(25)), 6))  # far from every point
    hand.settle()
    assert abs(hand.window.state.t - 25) <= 1
    assert hand.window.state.schedule == ScheduleChoice()


def test_choosing_drawn_by_hand_begins_with_what_is_there(own: Hand) -> None:
    hand = own
    choose(hand, "linear")
    linear = table(hand)
    choose(hand, "custom")
    assert hand.find(QToolButton, "scheduleEditButton").isChecked()
    assert hand.window.state.schedule.points == points_of(linear)
    assert handles(hand).isVisible()
    hand.click("scheduleResetButton")
    hand.settle()
    assert handles(hand).points == points_of(table(hand))
    assert hand.window.state.schedule == ScheduleChoice()


def test_another_model_begins_with_its_own(own: Hand, plane: object) -> None:
    hand = own
    choose(hand, "linear")
    hand.window.open(str(plane))
    hand.settle()
    assert hand.window.state.schedule == ScheduleChoice()
    assert hand.combo("scheduleCombo").currentData() == "own"


def test_a_model_opened_anew_keeps_its_schedule(own: Hand) -> None:
    hand = own
    choose(hand, "linear")
    assert hand.session.facts is not None
    hand.window.open(hand.session.facts.path)
    hand.settle()
    assert hand.window.state.schedule == ScheduleChoice("linear")
    assert table(hand).choice == ScheduleChoice("linear")
    assert hand.frames[-1][0].a == table(hand).signal[hand.window.state.t]


def test_going_back_to_a_run_goes_back_to_its_schedule(own: Hand) -> None:
    hand = own
    hand.reverse()
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.settle()
    hand.play_to_end()
    first = hand.session.run
    assert first is not None
    choose(hand, "linear")
    hand.play_to_end()
    hand.session.show_run(first.number)
    hand.settle()
    assert hand.window.state.schedule == ScheduleChoice()
    assert table(hand).choice == ScheduleChoice()
    assert hand.combo("scheduleCombo").currentData() == "own"


def test_a_run_that_a_schedule_makes_impossible_leaves_both(own: Hand) -> None:
    hand = own
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "diffusers:DDIMScheduler")
    hand.settle()
    choose(hand, "rectified_flow")
    hand.settle()
    assert "made of β" in hand.banner.text()
    assert hand.window.state.schedule == ScheduleChoice()
    assert table(hand).choice == ScheduleChoice()
    assert hand.window.state.sampler == "diffusers:DDIMScheduler"
