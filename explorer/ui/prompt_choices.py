"""What a model that reads text is led to, and away from: a group of the choices panel, there for such models alone."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from explorer.facts import ModelFacts
from explorer.state import MAX_PROMPT, State

PROMPT_TIP = "What the picture is to show: y in ∇ log p(x_t | y). Enter takes it; empty is the model without a text"
NEGATIVE_TIP = "What guidance leads away from: γ s(x_t, y) + (1 − γ) s(x_t, this), in place of the empty text"


class PromptChoices(QWidget):
    """Shows a State's texts. changed(dict): the fields of State the user set, when a text is taken."""

    changed = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        heading = QLabel("Text")
        heading.setObjectName("sectionTitle")
        self._prompt = self._field("promptEdit", "Prompt", "what to show", PROMPT_TIP)
        self._negative = self._field("negativePromptEdit", "Negative prompt", "what to avoid", NEGATIVE_TIP)
        self._prompt.editingFinished.connect(lambda: self.changed.emit({"prompt": self._prompt.text()}))
        self._negative.editingFinished.connect(lambda: self.changed.emit({"negative_prompt": self._negative.text()}))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading)
        grid = QGridLayout()  # not a form: its labels would be as wide as the longest of the panel
        grid.setVerticalSpacing(6)
        for row, (label, field) in enumerate((("Prompt", self._prompt), ("Avoid", self._negative))):
            grid.addWidget(QLabel(label), row, 0)
            grid.addWidget(field, row, 1)
        layout.addLayout(grid)
        self.hide()

    def set_facts(self, facts: ModelFacts) -> None:
        """Be there for a model that reads text."""
        self.setVisible(facts.prompted)

    def set_state(self, state: State) -> None:
        """Show the user's texts without emitting any; one that is being written stays."""
        for field, text in ((self._prompt, state.prompt), (self._negative, state.negative_prompt)):
            if field.text() != text and not (field.hasFocus() and field.isModified()):
                with QSignalBlocker(field):
                    field.setText(text)
                    field.setCursorPosition(0)

    def _field(self, name: str, accessible: str, hint: str, tip: str) -> QLineEdit:
        field = QLineEdit()
        field.setObjectName(name)
        field.setAccessibleName(accessible)
        field.setPlaceholderText(hint)
        field.setToolTip(tip)
        field.editingFinished.connect(lambda: field.setCursorPosition(0))  # its beginning tells more than its end
        field.textChanged.connect(lambda text: field.setToolTip(f"{text}\n\n{tip}" if text else tip))
        field.setMaxLength(MAX_PROMPT)
        return field
