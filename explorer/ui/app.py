"""Start the desktop program."""

from __future__ import annotations

import os
import sys

from PySide6.QtWidgets import QApplication

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
    window.show()
    return app.exec()
