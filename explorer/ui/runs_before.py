"""File ▸ Reopen runs: those that another model, or the end of the program, took from the screen."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu

from explorer.engine.sharing.session_file import outline
from explorer.facts import ModelError
from explorer.ui.autosave import Autosave
from explorer.ui.window import MainWindow


def add_runs_before(window: MainWindow, autosave: Autosave) -> QMenu:
    """The menu, which says of which model the runs are, and of when."""
    reopening = QMenu("Reopen &runs", window)
    reopening.setObjectName("runsBeforeMenu")
    files = window.menuBar().actions()[0].menu()
    assert isinstance(files, QMenu)
    files.insertMenu(files.actions()[-2], reopening)  # before the line above “Quit”
    files.aboutToShow.connect(lambda: reopening.setEnabled(bool(autosave.before())))
    reopening.aboutToShow.connect(lambda: _fill(reopening, window, autosave.before()))
    return reopening


def _fill(menu: QMenu, window: MainWindow, files: list[Path]) -> None:
    menu.clear()
    for file in files:
        if words := _words(file):
            menu.addAction(words, partial(window.open, str(file)))


def _words(file: Path) -> str:
    """What lies there, "" where nothing does that could be opened."""
    try:
        session = outline(file)
        when = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    except (ModelError, OSError):
        return ""
    runs = len(session.runs)
    return f"{Path(session.model.path).name}: {runs} {'run' if runs == 1 else 'runs'}, {when:%d %B, %H:%M}"
