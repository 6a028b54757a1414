"""Vector fields as streamlines: chosen by a key or in the tile's own menu, in all tiles alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from explorer.ui.field_menu import field_menu
from explorer.ui.plane_view import PlaneView

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def picture(view: PlaneView) -> bytes:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return bytes(np.frombuffer(image.constBits(), np.uint8))


def chosen(view: PlaneView) -> list[str]:
    """What the tile's own menu has ticked."""
    menu = field_menu(view.viewport, view)
    ticked = [action.objectName() for action in menu.actions() if action.isChecked()]
    menu.deleteLater()
    return ticked


def test_the_score_as_streamlines(plane_hand: Hand) -> None:
    hand = plane_hand
    view = hand.window.tile("score").view()
    assert isinstance(view, PlaneView)
    arrows = picture(view)
    try:
        hand.key(Qt.Key.Key_L)
        assert chosen(view) == ["fieldStreamlines"]
        assert hand.window._settings.streamlines
        lines = picture(view)
        assert lines != arrows
        hand.session.set_time(5)
        hand.settle()
        assert picture(view) != lines, "the field of another time has other lines"
        menu = field_menu(view.viewport, view)
        menu.actions()[0].trigger()
        menu.deleteLater()
        assert chosen(view) == ["fieldArrows"]
    finally:
        view.viewport.set_streamlines(False)
        hand.window._settings.streamlines = False
    hand.session.set_time(40)
    hand.settle()
