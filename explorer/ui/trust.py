"""A strip above everything that asks before a model runs code of its own; the answer holds for that very content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.facts import ModelFacts
from explorer.formats import trust
from explorer.formats.program_facts import ADAPTER
from explorer.ui.settings import Settings
from explorer.ui.strip import Choice, Strip

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


class TrustStrip(Strip):
    """opened: the user agreed. dismissed: not; one of them, once."""

    opened = Signal()
    dismissed = Signal()

    def __init__(self, facts: ModelFacts, parent: QWidget | None = None) -> None:
        file = program_file(facts)
        super().__init__(
            "restoreStrip",
            "Consent to run a program",
            f"{file.name} is {facts.program}: opening it runs code by whoever made it, with your rights. "
            "Open it only if you trust where it came from.",
            Choice(
                "Trust and open",
                "trustButton",
                "Trust this program and open it",
                "Asked once for this very content: a changed file is asked about again",
            ),
            Choice("Do not open", "refuseButton", "Do not open this program", "Nothing of it is run"),
            parent,
        )
        self._file = file
        self.text.setToolTip(str(file))
        self.do.clicked.connect(self._agree)
        self.leave.clicked.connect(self.dismissed)

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
