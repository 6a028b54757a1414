"""A strip above everything that asks before a model runs code of its own; the answer holds for that very content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from explorer.facts import ModelFacts
from explorer.formats import trust
from explorer.formats.program_facts import ADAPTER
from explorer.ui.settings import Settings

if TYPE_CHECKING:
    from explorer.ui.session import Session


def program_file(facts: ModelFacts) -> Path:
    """The file whose code would run."""
    path = Path(facts.path)
    return path / ADAPTER if path.is_dir() else path


def may_run(facts: ModelFacts) -> bool:
    """Whether the user agreed to this content, now or in an earlier session."""
    try:
        file = program_file(facts)
        if trust.agreed(file):
            return True
        digest = trust.digest(file)
    except OSError:
        return False  # opening it says why
    if digest in Settings().trusted():
        trust.agree(digest)
        return True
    return False


class TrustStrip(QFrame):
    """opened: the user agreed. dismissed: not; one of them, once."""

    opened = Signal()
    dismissed = Signal()

    def __init__(self, facts: ModelFacts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = program_file(facts)
        self.setObjectName("restoreStrip")
        self.setAccessibleName("Consent to run a program")
        text = QLabel(
            f"{self._file.name} is {facts.program}: opening it runs code by whoever made it, with your rights. "
            "Open it only if you trust where it came from."
        )
        text.setWordWrap(True)
        text.setToolTip(str(self._file))
        agree = QPushButton("Trust and open")
        agree.setObjectName("trustButton")
        agree.setAccessibleName("Trust this program and open it")
        agree.setToolTip("Asked once for this very content: a changed file is asked about again")
        agree.clicked.connect(self._agree)
        refuse = QPushButton("Do not open")
        refuse.setObjectName("refuseButton")
        refuse.setAccessibleName("Do not open this program")
        refuse.setToolTip("Nothing of it is run")
        refuse.clicked.connect(self.dismissed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(text, 1)
        layout.addWidget(agree)
        layout.addWidget(refuse)

    def _agree(self) -> None:
        try:
            digest = trust.digest(self._file)
        except OSError:
            self.dismissed.emit()
            return
        trust.agree(digest)
        Settings().add_trusted(digest)
        self.opened.emit()


def ask_for_consent(session: Session, add_strip: Callable[[QWidget], None]) -> None:
    """Show a strip whenever the session meets a program, the last one alone, and open it where the user agrees."""
    shown: list[TrustStrip] = []

    def leave() -> None:
        while shown:
            strip = shown.pop()
            strip.hide()
            strip.setParent(None)
            strip.deleteLater()

    def ask(facts: ModelFacts, device: str | None) -> None:
        leave()
        strip = TrustStrip(facts)
        shown.append(strip)
        strip.dismissed.connect(leave)
        strip.opened.connect(leave)
        strip.opened.connect(lambda: session.open(facts.path, device))
        add_strip(strip)

    session.consentWanted.connect(ask)
