"""What the strips above everything have in common: a sentence, something to do about it, and a way to leave it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from explorer.ui import controls


@dataclass(frozen=True)
class Choice:
    """A button. name, said: its object name, and what assistive tools call it."""

    text: str
    name: str
    said: str
    tip: str

    def button(self) -> QPushButton:
        """The button itself."""
        return controls.button(self.name, self.text, self.tip, self.said)


class Strip(QFrame):
    """text: the sentence; do, leave: the buttons."""

    def __init__(
        self, name: str, said: str, sentence: str, do: Choice, leave: Choice, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(said)
        self.text = QLabel(sentence)
        self.text.setWordWrap(True)
        self.do, self.leave = do.button(), leave.button()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.do)
        layout.addWidget(self.leave)

    def add(self, choice: Choice) -> QPushButton:
        """Another button, before those two."""
        button = choice.button()
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertWidget(1, button)
        return button
