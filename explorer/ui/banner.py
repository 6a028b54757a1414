"""One plain sentence about what went wrong, above the tiles, until it is closed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from explorer.ui.icons import icon


class ErrorBanner(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("errorBanner")
        self.setAccessibleName("Error")
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        self._close.setIcon(icon("close"))
        self._close.setAccessibleName("Close the message")
        self._close.setToolTip("Close")
        self._close.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def text(self) -> str:
        """The sentence on show, "" for none."""
        return self._label.text()

    def show_error(self, sentence: str) -> None:
        self._label.setText(sentence)
        self.setAccessibleDescription(sentence)
        self.show()

    def clear(self) -> None:
        self._label.clear()
        self.hide()

    def restyle(self) -> None:
        self._close.setIcon(icon("close"))
