"""Noise schedules that lie elsewhere: numbers in a file, and what another model was trained on."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from explorer.request import ScheduleChoice
from explorer.ui.short_text import capital

FILE, MODEL = "file", "model"
FILE_TIP = (
    "Numbers for t = 1 … T in a .json, .npy or .csv file: betas, alphas_cumprod, log_snr or sigmas; or the "
    "configuration of a scheduler of diffusers"
)
TEXTS = {
    FILE: ("From a file…", FILE_TIP),
    MODEL: ("Of another model…", "The schedule that the model in a folder was trained on"),
}
"""Of the menu: what an entry says, and more about it."""


def add_paths(combo: QComboBox) -> None:
    """The entries that ask for a path."""
    for name, (text, tip) in TEXTS.items():
        combo.addItem(text, name)
        combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)


def name_paths(combo: QComboBox, choice: ScheduleChoice) -> None:
    """Let the entry that counts say which file or model it is."""
    with QSignalBlocker(combo):
        for name, (text, tip) in TEXTS.items():
            row, chosen = combo.findData(name), choice.name == name
            if row >= 0:
                combo.setItemText(row, capital(f"{name}: {Path(choice.path).name}") if chosen else text)
                combo.setItemData(row, f"{choice.path}\n{tip}" if chosen else tip, Qt.ItemDataRole.ToolTipRole)


def ask_for_path(parent: QWidget, name: str) -> ScheduleChoice | None:
    """The file or folder that the user names for one of TEXTS, as it is now; None for none."""
    if name == FILE:
        kinds = "Schedules (*.json *.npy *.csv *.txt);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(parent, "Noise schedule from a file of numbers", "", kinds)
    else:
        path = QFileDialog.getExistingDirectory(parent, "Noise schedule of the model in a folder")
    return ScheduleChoice(name, path=path, changed=_changed(Path(path))) if path else None


def _changed(path: Path) -> int:
    """When a file, or one of those in a folder, was last changed, in nanoseconds since 1970; 0 for one not there."""
    try:
        times: list[int] = [file.stat().st_mtime_ns for file in (path, *(path.iterdir() if path.is_dir() else ()))]
    except OSError:
        return 0
    return max(times)
