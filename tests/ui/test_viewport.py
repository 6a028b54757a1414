"""Zoom and pan that linked views share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from explorer.ui.picture_view import PictureView
from explorer.ui.plane_view import PlaneView
from explorer.ui.viewport import MAX_ZOOM, Viewport

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def on_screen(viewport: Viewport, place: QPointF) -> tuple[float, float]:
    visible = viewport.visible()
    return (place.x() - visible.x()) / visible.width(), (place.y() - visible.y()) / visible.height()


@pytest.mark.parametrize("place", [QPointF(0.5, 0.5), QPointF(0.1, 0.8), QPointF(0.0, 1.0)])
def test_zooming_about_a_place_keeps_it_where_it_is(place: QPointF) -> None:
    viewport = Viewport()
    before = on_screen(viewport, place)
    for factor in (2.0, 3.0, 1.5, 0.5):
        viewport.zoom_about(place, factor)
        assert on_screen(viewport, place) == pytest.approx(before)
    assert viewport.zoom == pytest.approx(4.5)


def test_zoom_has_limits_and_never_shows_what_is_outside() -> None:
    viewport = Viewport()
    viewport.zoom_about(QPointF(0.2, 0.9), 1e9)
    assert viewport.zoom == MAX_ZOOM
    viewport.pan(QPointF(5, -5))
    visible = viewport.visible()
    assert (visible.right(), visible.top()) == pytest.approx((1, 0))
    viewport.zoom_about(QPointF(0.99, 0.01), 1e-9)
    assert viewport.zoom == 1
    visible = viewport.visible()
    assert (visible.x(), visible.y(), visible.width(), visible.height()) == pytest.approx((0, 0, 1, 1))


def test_panning_moves_by_fractions_of_the_whole() -> None:
    viewport = Viewport()
    viewport.pan(QPointF(0.3, 0.3))
    assert viewport.visible().x() == 0, "everything is on show: there is nowhere to go"
    viewport.zoom_about(QPointF(0.5, 0.5), 4)
    before = viewport.visible()
    viewport.pan(QPointF(0.1, -0.2))
    after = viewport.visible()
    assert (after.x() - before.x(), after.y() - before.y()) == pytest.approx((0.1, -0.2))
    viewport.reset()
    assert viewport.visible().width() == 1


def test_views_are_told() -> None:
    viewport, told = Viewport(), []
    viewport.changed.connect(lambda: told.append("changed"))
    viewport.hovered.connect(lambda: told.append("hovered"))
    viewport.zoom_about(QPointF(0.5, 0.5), 2)
    places = []
    for place in (QPointF(0.2, 0.3), None):
        viewport.set_hover(place)
        places.append(viewport.hover)
    assert places == [QPointF(0.2, 0.3), None]
    assert told == ["changed", "hovered", "hovered"]


# --- in the window -------------------------------------------------------------------------------------------


def wheel(view: PictureView | PlaneView, at: QPoint, clicks: int) -> None:
    event = QWheelEvent(
        QPointF(at),
        view.mapToGlobal(QPointF(at)),
        QPoint(),
        QPoint(0, 120 * clicks),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def views(hand: Hand) -> list[PictureView]:
    return [hand.window.tile(lens).findChildren(PictureView)[0] for lens in ("x_t", "x0", "eps", "score")]


def test_the_wheel_zooms_all_tiles_about_the_mouse_and_dragging_pans_them(hand: Hand) -> None:
    first, *others = views(hand)
    at = first.area().center().toPoint() + QPoint(20, -30)
    place = first.to_content(QPointF(at))
    wheel(first, at, 5)
    assert first.viewport.zoom > 2
    after = first.to_content(QPointF(at))
    assert (after.x(), after.y()) == pytest.approx((place.x(), place.y()))
    assert all(view.viewport is first.viewport for view in others)
    before = first.viewport.visible()
    QTest.mousePress(first, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(first, at + QPoint(15, 10))
    QTest.mouseRelease(first, Qt.MouseButton.LeftButton, pos=at + QPoint(15, 10))
    moved = first.viewport.visible()
    assert moved.x() < before.x()
    assert moved.y() < before.y()
    held = first.to_content(QPointF(at + QPoint(15, 10)))
    assert (held.x(), held.y()) == pytest.approx((place.x(), place.y())), "what was grabbed stays under the mouse"
    hand.slider.setFocus()
    hand.key(Qt.Key.Key_Z)
    assert first.viewport.zoom == 1
    wheel(first, at, 3)
    QTest.mouseDClick(first, Qt.MouseButton.LeftButton, pos=at)
    assert first.viewport.zoom == 1


def test_zoom_stays_while_the_time_changes(hand: Hand) -> None:
    first = views(hand)[0]
    wheel(first, first.area().center().toPoint(), 4)
    visible = first.viewport.visible()
    hand.drag_slider(40, 80)
    hand.settle()
    assert first.viewport.visible() == visible
