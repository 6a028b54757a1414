"""A line for a folder or file, with a button that opens the list of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QFileDialog, QLineEdit

from explorer.ui.icons import icon


def place_editor(place: str, changed: Callable[[str, Any], None], key: str = "autoencoder") -> QLineEdit:
    """Says changed(key, place) when another is written or chosen; an empty one takes the choice back."""
    line = QLineEdit(place)
    line.setPlaceholderText("a folder, such as vae")
    line.setCursorPosition(0)

    def finished() -> None:
        if line.text().strip() != place:
            changed(key, line.text().strip())

    def browse() -> None:
        dialog = QFileDialog(line, "Choose the autoencoder's folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda folder: changed(key, folder))
        dialog.open()

    line.editingFinished.connect(finished)
    action = line.addAction(icon("open"), QLineEdit.ActionPosition.TrailingPosition)
    action.setToolTip("Choose the autoencoder's folder")
    action.triggered.connect(browse)
    return line
