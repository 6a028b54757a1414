"""What dims a picture that is of another time than the one on show."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from explorer.ui import theme

SHARE = 0.45
"""Of the surface's colour over the picture: seen at once, and the picture can still be read."""


class Veil(QWidget):
    """Lies over a sister widget while it is shown; the mouse goes through it. Hidden at first."""

    def __init__(self, over: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = over
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self.setGeometry(self._over.geometry())
        return False

    def showEvent(self, event: QShowEvent) -> None:
        self._over.installEventFilter(self)
        self.setGeometry(self._over.geometry())
        self.raise_()

    def hideEvent(self, event: QHideEvent) -> None:
        self._over.removeEventFilter(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        colour = QColor(theme.current().surface)
        colour.setAlphaF(SHARE)
        QPainter(self).fillRect(event.rect(), colour)
