"""A strip above everything that offers what a killed program left, until the user has decided."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class RestoreStrip(QFrame):
    """restoreClicked, dismissed: one of them, once."""

    restoreClicked = Signal()
    dismissed = Signal()

    def __init__(self, file: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("restoreStrip")
        self.setAccessibleName("Restore the last session")
        when = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
        text = QLabel(f"The program ended unexpectedly on {when:%d %B at %H:%M}. Its runs can be made again exactly.")
        text.setWordWrap(True)
        restore = QPushButton("Restore the last session")
        restore.setObjectName("restoreButton")
        restore.setAccessibleName("Restore the last session")
        restore.setToolTip("Open the model, the choices and all runs as they were in the last second")
        dismiss = QPushButton("Dismiss")
        dismiss.setObjectName("dismissRestoreButton")
        dismiss.setAccessibleName("Do not restore the last session")
        dismiss.setToolTip("Forget the last session")
        restore.clicked.connect(self.restoreClicked)
        dismiss.clicked.connect(self.dismissed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(text, 1)
        layout.addWidget(restore)
        layout.addWidget(dismiss)
