"""A label of plain text whose long words, such as the names of files, may end a line, and are copied as they are."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QClipboard, QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QLabel, QMenu, QWidget

LONG_WORD = re.compile(r"\S{25,}")
BREAK = "\u200b"
"""The space without width, at which Qt may end a line."""


def breakable(text: str) -> str:
    """With places in its longest words where a line may end."""
    return LONG_WORD.sub(lambda word: re.sub(r"(?<=[_/\\.-])", BREAK, word.group()), text)


class BreakingLabel(QLabel):
    """Selectable. What is taken from it has none of the marks that only tell where a line may end."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(breakable(text), parent)
        self._whole = text
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def copy(self, mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> None:
        """The selected text, or all where none is."""
        text = self.selectedText().replace(BREAK, "").replace("\u2029", "\n") if self.hasSelectedText() else self._whole
        QGuiApplication.clipboard().setText(text, mode)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            event.accept()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QGuiApplication.clipboard().supportsSelection():
            self.copy(QClipboard.Mode.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = QAction("Copy", menu)
        copy.triggered.connect(lambda _=False: self.copy())
        menu.addAction(copy)
        menu.popup(event.globalPos())
