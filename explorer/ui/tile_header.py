"""The line above a tile: its symbol, what that is in words, the formula, and a note at the right end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from explorer.ui.elided_label import ElidedLabel
from explorer.ui.short_text import CLAUSES, typeset

FORMULA_LEAST = 90
"""Pixels: the beginning of a formula in less room than that is none."""
GAP = 8
WHOLE = 10_000
"""Words are all there or not at all."""


class TileHeader(QWidget):
    """Gives its room to the symbol first, then to the note, then to the words, and what is left to the formula.

    An origin, such as the run that a tile shows, takes the formula's place and goes before the words.
    """

    def __init__(self, label: str, words: str, formula: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_formula = formula
        self._title = QLabel(label, self)
        self._title.setObjectName("tileTitle")
        self._title.setTextFormat(Qt.TextFormat.RichText)
        self._title.setToolTip(typeset(f"{words[:1].upper()}{words[1:]}: {formula}" if words else formula))
        self._words = ElidedLabel(words, self, on_surface=True, least=WHOLE)
        self._words.setObjectName("tileWords")
        self._formula = ElidedLabel(formula, self, on_surface=True, clauses=CLAUSES, least=FORMULA_LEAST)
        self._formula.setObjectName("muted")
        self._note = ElidedLabel("", self, on_surface=True, clauses=("; ", ", "), number=True)
        self._note.setObjectName("muted")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, max(self._title.sizeHint().height(), self._note.sizeHint().height()))

    def title(self) -> str:
        """The symbol, in rich text."""
        return self._title.text()

    def set_title(self, label: str) -> None:
        """The symbol, in rich text."""
        if label != self._title.text():
            self._title.setText(label)
            self._arrange()

    def set_formula(self, formula: str) -> None:
        """Where what is on show comes from; "" for the lens's own formula."""
        if (text := formula or self._own_formula) != self._formula.text():
            self._formula.setText(text)
            self._arrange()

    def note(self) -> str:
        """What is said of the picture on show."""
        return self._note.text()

    def set_note(self, note: str) -> None:
        """What there is to say of the picture on show."""
        if note != self._note.text():
            self._note.setText(note)
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._arrange()

    def _arrange(self) -> None:
        room, height = self.width(), self.height()
        title = min(self._title.sizeHint().width(), room)
        self._title.setGeometry(0, 0, title, height)
        left = title + GAP
        note = min(_width(self._note), max(room - left, 0))
        self._note.setGeometry(room - note, 0, note, height)
        right = room - note - (GAP if note else 0)
        has_origin = self._formula.text() != self._own_formula
        needed = _width(self._words) + (min(_width(self._formula), right) if has_origin else 0)
        words = _width(self._words) if left + needed <= right else 0
        self._words.setGeometry(left, 0, words, height)
        left += words + (GAP if words else 0)
        self._formula.setGeometry(left, 0, max(right - left, 0), height)


def _width(label: ElidedLabel) -> int:
    """Of all of its text."""
    return label.fontMetrics().horizontalAdvance(typeset(label.text())) + 1 if label.text() else 0
