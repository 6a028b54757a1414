"""How vector fields of the plane are drawn: a menu for a tile or for the menu bar."""

from __future__ import annotations

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from explorer.ui.viewport import Viewport

ROWS = (
    (False, "fieldArrows", "&Arrows", "An arrow at each place of a lattice; its length grows as √ of the vector's"),
    (True, "fieldStreamlines", "&Streamlines", "Curves dx/dτ = v(x)/|v(x)| along the field, evenly spread"),
)


def field_menu(plane: Viewport, parent: QWidget) -> QMenu:
    """Arrows or streamlines, in all tiles alike."""
    menu = QMenu("Vector fie&lds", parent)
    menu.setObjectName("fieldMenu")
    menu.setAccessibleName("How vector fields are drawn")
    menu.setToolTipsVisible(True)
    group = QActionGroup(menu)
    for streamlines, name, text, tip in ROWS:
        action = menu.addAction(text)
        action.setObjectName(name)
        action.setToolTip(tip)
        action.setCheckable(True)
        action.setChecked(plane.streamlines == streamlines)
        group.addAction(action)
        action.triggered.connect(lambda _=False, on=streamlines: plane.set_streamlines(on))
    return menu
