"""The program's own icons in the theme's colours."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from explorer.paths import RESOURCES
from explorer.ui import theme

PIXELS = 64
"""Rendered once at this size and scaled down by Qt, which keeps them sharp on high-density screens."""


def icon(name: str, colour: str | None = None) -> QIcon:
    """`resources/icons/NAME.svg`, drawn in a colour, by default the theme's text colour."""
    t = theme.current()
    result = QIcon()
    result.addPixmap(_pixmap(name, colour or t.text), QIcon.Mode.Normal)
    result.addPixmap(_pixmap(name, t.disabled), QIcon.Mode.Disabled)
    return result


def _pixmap(name: str, colour: str) -> QPixmap:
    svg = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    pixmap = QPixmap(PIXELS, PIXELS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter)
    painter.end()
    return pixmap
