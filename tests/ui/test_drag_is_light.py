"""Of a drag only what changes is painted, and nothing is laid out anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from explorer.lenses.drawable import Image
from explorer.ui.cursor_layer import CursorLayer
from explorer.ui.picture_view import PictureView
from explorer.ui.viewport import Viewport

if TYPE_CHECKING:
    from tests.ui.hand import Hand

PLOTS = ("schedulePlot", "snrPlot", "statisticsPlot")
"""The last has no curves before a run."""


class Watch(QObject):
    """Notes which widgets were laid out, and where they were painted."""

    def __init__(self) -> None:
        super().__init__()
        self.laid_out: list[str] = []
        self.painted: dict[QWidget, QRect] = {}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.laid_out.append(f"{type(watched).__name__} {watched.objectName()}")
        if isinstance(event, QPaintEvent) and isinstance(watched, QWidget):
            self.painted[watched] = self.painted.get(watched, QRect()) | event.rect()
        return False


def come_to_rest(hand: Hand, qapp: QApplication) -> None:
    """Wait for what is still to come of the tests before: plots are drawn late, messages go after a while."""
    for _ in range(100):
        hand.settle()
        watch = Watch()
        qapp.installEventFilter(watch)
        hand.qtbot.wait(150)
        qapp.removeEventFilter(watch)
        if not watch.laid_out and not any(isinstance(widget, CursorLayer) for widget in watch.painted):
            return


def test_another_time_lays_nothing_out_and_leaves_empty_plots_alone(hand: Hand, qapp: QApplication) -> None:
    hand.drag_slider(7)
    come_to_rest(hand, qapp)
    watch = Watch()
    qapp.installEventFilter(watch)
    hand.drag_slider(4)
    hand.settle()
    QApplication.processEvents()
    qapp.removeEventFilter(watch)
    assert not watch.laid_out
    assert len([widget for widget in watch.painted if isinstance(widget, PictureView)]) == 4
    cursors = {name: hand.plot(name).findChildren(CursorLayer)[0] for name in PLOTS}
    assert [name for name, cursor in cursors.items() if cursor in watch.painted] == ["schedulePlot", "snrPlot"]


def test_the_network_is_asked_before_the_window_follows(hand: Hand) -> None:
    session = hand.window.session
    hand.settle()
    busy: list[bool] = []

    def note() -> None:
        busy.append(session.busy)

    session.stateChanged.connect(note)
    hand.drag_slider(5)
    session.stateChanged.disconnect(note)
    assert busy[:1] == [True]
    hand.settle()


def test_the_mark_in_the_film_moves_without_the_other_frames(hand: Hand, qapp: QApplication) -> None:
    strip, t = hand.strip, hand.window.state.t
    hand.settle()
    QApplication.processEvents()
    whole = strip.grab().toImage()
    watch = Watch()
    strip.installEventFilter(watch)
    near = t - 5 if t > 50 else t + 5
    for time in (t, near):
        strip.set_here(time, None)
        QApplication.processEvents()
    strip.removeEventFilter(watch)
    moved = strip.grab().toImage()
    assert watch.painted[strip].width() < strip.width() / 2
    assert moved != whole


def test_a_picture_of_the_same_shape_paints_only_its_own_place(qtbot: QtBot) -> None:
    view = PictureView(Viewport())
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show_image(Image(np.zeros((1, 1, 8, 8), np.float32), "data", (-1.0, 1.0)))
    with qtbot.waitExposed(view):
        view.show()
    watch = Watch()
    view.installEventFilter(watch)
    view.show_image(Image(np.ones((1, 1, 8, 8), np.float32), "data", (-1.0, 1.0)))
    QApplication.processEvents()
    assert watch.painted == {view: QRect(50, 0, 200, 200)}
    view.show_image(Image(np.ones((1, 1, 8, 16), np.float32), "data", (-1.0, 1.0)))
    QApplication.processEvents()
    assert watch.painted == {view: view.rect()}
