"""Start the desktop program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from explorer.ui.autosave import Autosave
from explorer.ui.restore_strip import RestoreStrip
from explorer.ui.runs_before import add_runs_before
from explorer.ui.window import MainWindow


def has_display() -> bool:
    """False where Qt would abort for want of a screen."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(path: str | None) -> int:
    """Show the window until it is closed; returns the exit code."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setApplicationName("diffusion-explorer")
    window = MainWindow(path)
    autosave = Autosave(window.session, parent=window)
    add_runs_before(window, autosave)
    if autosave.left is not None:
        offer(window, autosave, autosave.left)
    window.show()
    code = app.exec()
    autosave.close()
    return code


def offer(window: MainWindow, autosave: Autosave, left: Path) -> None:
    """Show a strip that offers what a killed program left."""
    strip = RestoreStrip(left)

    def restore() -> None:
        strip.hide()
        # Once it is open it is this program's to keep.
        window.session.opened.connect(autosave.forget_left, Qt.ConnectionType.SingleShotConnection)
        window.open(str(left))

    def dismiss() -> None:
        strip.hide()
        autosave.forget_left()

    strip.restoreClicked.connect(restore)
    strip.dismissed.connect(dismiss)
    window.add_strip(strip)
