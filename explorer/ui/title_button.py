"""A button with a menu that says a title in what room there is: a long one ends in “…” and is whole in the tooltip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

BESIDE = 40
"""Pixels: the icon, and what the style leaves free at both ends."""
LEAST = 80


class TitleButton(QToolButton):
    """It takes what room is left and asks for none, so that a title never widens its column."""

    def __init__(self, text: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._tip = text, tip
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fit()

    def set_title(self, title: str) -> None:
        """The title to say."""
        self._title = title
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(LEAST, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = max(self.width() - BESIDE, 0)
        said = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideRight, room)
        self.setText(said)
        self.setToolTip(self._tip if said == self._title else f"{self._title}. {self._tip}")
