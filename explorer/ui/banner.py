"""One plain sentence about what went wrong, above the tiles, until it is closed or the like of it worked."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from explorer.ui.icons import icon


class ErrorBanner(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._at: object = None
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

    def show_error(self, sentence: str, at: object = None) -> None:
        """at: what is chosen where a look or a run went wrong, for `settle`; None for anything else."""
        self._at = at
        self._label.setText(sentence)
        self.setAccessibleDescription(sentence)
        self.show()

    def settle(self, at: object) -> None:
        """A look or a run worked: where something else is chosen than when one went wrong, the user has gone on."""
        if self._at is not None and at != self._at:
            self.clear()

    def clear(self) -> None:
        self._at = None
        self._label.clear()
        self.hide()

    def restyle(self) -> None:
        self._close.setIcon(icon("close"))
