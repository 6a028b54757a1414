"""A strip above everything that offers what a killed program left, until the user has decided."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.engine.sharing.session_file import outline
from explorer.facts import ModelError
from explorer.ui.strip import Choice, Strip
from explorer.ui.trained_here import data_of


class RestoreStrip(Strip):
    """restoreClicked, dismissed: one of them, once."""

    restoreClicked = Signal()
    dismissed = Signal()

    def __init__(self, file: Path, parent: QWidget | None = None) -> None:
        when = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
        super().__init__(
            "restoreStrip",
            "Restore the last session",
            f"The program ended unexpectedly on {when:%d %B at %H:%M}. {_promise(file)}",
            Choice(
                "Restore the last session",
                "restoreButton",
                "Restore the last session",
                "Open the model, the choices and all runs as they were in the last second",
            ),
            Choice("Dismiss", "dismissRestoreButton", "Do not restore the last session", "Forget the last session"),
            parent,
        )
        self.do.clicked.connect(self.restoreClicked)
        self.leave.clicked.connect(self.dismissed)


def _promise(file: Path) -> str:
    """What will be there again. Of a file that cannot be read, opening says so."""
    with suppress(ModelError):
        if data_of(outline(file).model.path) is not None:
            return "The network trained there was kept every few seconds; its runs are made again with what it knew."
    return "Its runs can be made again exactly."
