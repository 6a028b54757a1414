"""The tab about the model: what is known of it and how, each fact to be set otherwise; and what the network says."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.facts import Fact, ModelFacts
from explorer.formats.adjusted import ROWS
from explorer.ui.breaking_label import BreakingLabel
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.fact_editors import make_editor, numbers_editor
from explorer.ui.field_column import WheelGuard
from explorer.ui.icons import icon
from explorer.ui.probe_view import ProbeView
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.short_text import capital
from explorer.ui.tab_order import follow, reached_by_tab

KEYS = {row: key for key, row in ROWS.items()}
SOURCES = {
    "file": "The model's own files say so",
    "card": "The card beside the model says so",
    "default": "The format's default, since nobody says otherwise",
    "inferred": "It follows from other facts",
    "probed": "The probe of the network found it, and it goes before the model's own word",
    "user": "You said so, and it goes before the model's own word",
}

OF_THE_SAMPLER = "it is chosen with the sampler, on the left"
FIXED = {
    "network": "the weights are made for it",
    "clip x̂₀": OF_THE_SAMPLER,
    "clip range": OF_THE_SAMPLER,
    "spacing": OF_THE_SAMPLER,
}
"""Why the user cannot set these here."""
HEADING = "What is known"


class ModelPanel(ScrollPanel):
    """Shows what it is told; says what the user wants."""

    factSet = Signal(str, object)
    """key, value; None for the model's own word again"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: ModelFacts | None = None
        self._reading = False
        self._resets: list[QToolButton] = []
        self.probe = ProbeView()
        self._warnings = QLabel()
        self._warnings.setObjectName("alert")
        self._warnings.setAccessibleName("Warnings about the model")
        self._warnings.setWordWrap(True)
        self._warnings.setTextFormat(Qt.TextFormat.PlainText)
        self._warnings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._heading = heading = QLabel(HEADING)
        heading.setObjectName("sectionTitle")
        heading.setWordWrap(True)
        heading.setToolTip("Each fact with its source. What you set is kept in the model's card, explorer.json.")
        self._where = QLabel()
        self._where.setObjectName("muted")
        self._where.setWordWrap(True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.column.addWidget(self.probe)
        self.column.addWidget(self._warnings)
        self.column.addWidget(heading)
        self.column.addLayout(self._rows)
        self.column.addWidget(self._where)
        self.column.addStretch(1)
        self._guard = WheelGuard(self)
        self.set_facts(None)

    def show_opening(self, facts: ModelFacts) -> None:
        """What is known of a model whose weights are still being read: nothing of it can be set yet."""
        self.set_facts(facts, reading=True)

    def set_facts(self, facts: ModelFacts | None, reading: bool = False) -> None:
        """Another model is open, or the same with other facts. reading: it is on its way."""
        self._facts, self._reading = facts, reading
        self._heading.setText(f"What is known of {facts.title}, which is being read" if facts and reading else HEADING)
        self.probe.row.set_possible(facts is not None and not reading)
        self._where.hide()
        self._warnings.setText("\n".join(facts.warnings) if facts is not None else "")
        self._warnings.setVisible(bool(facts is not None and facts.warnings))
        self._resets.clear()
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for fact in facts.evidence if facts is not None else ():
            self._rows.addWidget(self._row(fact))
        rows = [item.widget() for i in range(self._rows.count()) if (item := self._rows.itemAt(i)) is not None]
        *_, last = reached_by_tab([self.probe])
        follow(last, [row for row in rows if row is not None])
        self._guard.watch(self)

    def show_again(self) -> None:
        """What is in force, where an editor shows what was refused."""
        self.set_facts(self._facts)

    def set_kept(self, where: str) -> None:
        """Where the card was written."""
        self._where.setText(f"Kept in {where}")
        self._where.show()

    def restyle(self) -> None:
        """The theme's colours."""
        self.probe.restyle()
        for button in self._resets:
            button.setIcon(icon("reset"))

    def _row(self, fact: Fact) -> QWidget:
        """Name and source above; the value, or its editor, below."""
        row = QWidget()
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(6)
        name = QLabel(capital(fact.name))
        name.setObjectName("muted")
        source = QLabel(fact.source)
        source.setObjectName("alert" if fact.source in ("user", "probed") else "muted")
        tip = SOURCES[fact.source]
        tip += f": {fact.where}" if fact.where else ""
        tip += f", in place of {fact.instead}" if fact.instead else ""
        source.setToolTip(tip)
        source.setAccessibleName(f"Source of {fact.name}")
        head.addWidget(name)
        head.addStretch(1)
        head.addWidget(source)
        key = KEYS.get(fact.name)
        fixed = self._facts.fixed if self._facts is not None else {}
        set_by_user = fact.source in ("user", "probed")
        if key is not None and set_by_user and not self._reading:
            head.addWidget(self._reset(key, fact))
        layout.addLayout(head)
        settable = key is not None and key not in fixed and not self._reading
        if not settable or key == "autoencoder":  # which one it is, its place does not say
            value = BreakingLabel(fact.value)
            value.setAccessibleName(fact.name)
            why = fixed.get(key or "", FIXED.get(fact.name))
            value.setToolTip(tip if why is None else f"{tip}. It cannot be set: {why}")
            layout.addWidget(value)
        if not settable:
            return row
        assert self._facts is not None
        assert key is not None
        layout.addWidget(make_editor(key, self._facts, fact.name, self._set))
        if key == "schedule" and self._facts.schedule_numbers is not None:
            layout.addWidget(numbers_editor(self._facts, self._set))
        if fact.instead:
            said = ElidedLabel(f"instead of {fact.instead}")
            said.setObjectName("muted")
            layout.addWidget(said)
        return row

    def _reset(self, key: str, fact: Fact) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"fact:{key}:reset")
        button.setIcon(icon("reset"))
        button.setAutoRaise(True)
        button.setAccessibleName(f"Take back what was said of {fact.name}")
        button.setToolTip("Back to the model's own word" + (f": {fact.instead}" if fact.instead else ""))
        button.setFixedSize(20, 20)
        button.clicked.connect(lambda: self._set(key, None))
        self._resets.append(button)
        return button

    def _set(self, key: str, value: Any) -> None:
        self.factSet.emit(key, value)
