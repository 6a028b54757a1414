"""File ▸ Reopen: the runs that another model, or the end of the program, took from the screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from explorer.engine.sharing.session_file import outline
from explorer.facts import ModelError
from explorer.ui.autosave import Autosave
from explorer.ui.window import MainWindow

NONE = "Reopen the runs &before"


def add_runs_before(window: MainWindow, autosave: Autosave) -> QAction:
    """The line of the menu, which names the runs whenever the menu opens. Two models' runs change places by it."""
    action = QAction(NONE, window)
    action.setObjectName("runsBefore")
    action.triggered.connect(lambda: window.open(str(autosave.before)))
    menu = window.menuBar().actions()[0].menu()
    assert isinstance(menu, QMenu)
    menu.insertAction(menu.actions()[-1], action)  # before “Quit”

    def name() -> None:
        words = _words(autosave.before)
        action.setEnabled(bool(words))
        action.setText(words or NONE)

    menu.aboutToShow.connect(name)
    name()
    return action


def _words(file: Path) -> str:
    """What lies there, "" where nothing does that could be opened."""
    try:
        session = outline(file)
    except ModelError:
        return ""
    runs = len(session.runs)
    return f"Reopen {'the run' if runs == 1 else f'{runs} runs'} of “{Path(session.model.path).name}”"
