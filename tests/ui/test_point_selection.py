"""Points selected with Shift and the mouse: marked in every tile and at every t, and what edits are for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest

from explorer.lenses.drawable import Points
from explorer.ui import theme
from explorer.ui.edit_menu import EditButton
from explorer.ui.plane_layers import group_colours
from explorer.ui.point_band import faint, points_within

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

EXTENT = (-2.0, 2.0, -1.0, 1.0)


def test_points_within_are_those_between_the_corners() -> None:
    data = np.array([[-2, 1], [0, 0], [1, -0.5], [1.1, -0.5]], np.float32)
    points = Points(data, np.zeros(4, np.uint8), EXTENT)
    assert points_within(points, QPointF(0.75, 0.75), QPointF(0.5, 0.5)).tolist() == [False, True, True, False]
    assert points_within(points, QPointF(0, 0), QPointF(0.1, 0.1)).tolist() == [True, False, False, False]


def test_faint_colours_are_nearly_the_canvas() -> None:
    kept, canvas = faint(group_colours()), int(theme.current().canvas[1:], 16)
    for own, left in zip(group_colours().tolist(), kept.tolist(), strict=True):
        for shift in (0, 8, 16):
            far, near = (((colour >> shift) & 255) - ((canvas >> shift) & 255) for colour in (own, left))
            assert abs(near) <= abs(far) / 3 + 1


def drag(hand: Hand, lens: str, *places: tuple[float, float]) -> None:
    """From and to fractions of the tile's plane, with Shift."""
    view = hand.window.tile(lens).view()
    assert view is not None
    pixels: list[QPoint] = [view.to_widget(QPointF(*place)).toPoint() for place in places]
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mousePress(view, Qt.MouseButton.LeftButton, shift, pixels[0])
    for pixel in pixels[1:]:
        QTest.mouseMove(view, pixel)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, shift, pixels[-1])


def test_selected_points_stay_selected_and_are_edited_alone(make_hand: MakeHand, plane: Path) -> None:
    hand = make_hand(plane)
    hand.type_into(hand.spin("stepsSpin"), "5")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(2)
    hand.settle()
    start = hand.session.start
    drag(hand, "x0", (0.0, 0.0), (0.5, 1.0))
    mask = hand.window._workspace.tiles.plane.selection
    assert mask is not None
    assert mask.tolist() == (hand.data("x0")[:, 0] <= 0).tolist()
    assert 0 < mask.sum() < len(mask)
    assert hand.session.start is start, "no other starting points"
    hand.session.set_step(3)
    hand.settle()
    assert hand.window._workspace.tiles.plane.selection is mask

    before = hand.data("x_t").copy()
    hand.find(EditButton, "editButton").fill()
    hand.find(QAction, "edit:negate").trigger()
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t"), np.where(mask[:, None], -before, before))
    hand.key(Qt.Key.Key_Escape)
    assert hand.window._workspace.tiles.plane.selection is None
