"""The cursors of the plots over t: dragged, and drawn where the time is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from tests.ui.running import times_agree

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def drag_cursor(hand: Hand, name: str, t: int) -> None:
    """Drag a plot's cursor to t with the mouse."""
    layer = hand.plot(name).cursor_layer
    begin, end = (QPoint(round(layer.x_of(time)), layer.height() // 2) for time in (hand.cursor(name), t))
    QTest.mousePress(layer, Qt.MouseButton.LeftButton, pos=begin)
    for i in range(1, 11):
        QTest.mouseMove(layer, begin + (end - begin) * i / 10)
        hand.qtbot.wait(2)
    QTest.mouseRelease(layer, Qt.MouseButton.LeftButton, pos=end)
    QTest.mouseMove(layer, begin)  # without a button: nothing follows


@pytest.mark.parametrize("name", ["schedulePlot", "snrPlot"])
def test_dragging_a_plot_s_cursor_drags_the_timeline(hand: Hand, name: str) -> None:
    hand.frames.clear()
    drag_cursor(hand, name, 80)
    hand.settle()
    assert abs(hand.window.state.t - 80) <= 2  # a pixel is more than a step of t
    assert times_agree(hand, hand.window.state.t)
    assert hand.frames[-1][0].t == hand.window.state.t
    drag_cursor(hand, name, 10)
    hand.settle()
    assert abs(hand.window.state.t - 10) <= 2
    assert times_agree(hand, hand.window.state.t)


@pytest.mark.parametrize("name", ["schedulePlot", "snrPlot"])
def test_the_cursor_is_drawn_at_the_time_on_show(hand: Hand, name: str) -> None:
    layer = hand.plot(name).cursor_layer
    pictures = {}
    for t in (20, 75):
        hand.slider.setValue(t)
        hand.settle()
        QTest.qWait(100)  # for a plot that is drawn anew
        pixels = layer.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        width, height = pixels.width(), pixels.height()
        pictures[t] = np.frombuffer(pixels.constBits(), np.uint32).reshape(height, width).astype(np.int64)
    changed = np.flatnonzero((pictures[20] != pictures[75]).sum(axis=0) > 40)
    expected = [layer.x_of(t) for t in (20, 75)]
    assert len(changed)
    assert all(min(abs(x - place) for place in expected) <= 2 for x in changed)
    assert all(np.abs(changed - place).min() <= 2 for place in expected)
