"""Which file: asked for, or dropped on the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QFileDialog, QWidget

if TYPE_CHECKING:
    from explorer.ui.window import MainWindow

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MODEL_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".pkl", ".bin", ".pt2", ".ptl", ".py")


def is_picture(path: str) -> bool:
    """True for a file that is to be looked at rather than opened as a model."""
    return Path(path).suffix.lower() in PICTURE_ENDINGS


def local_files(data: QMimeData) -> list[str]:
    """Paths of what is dragged, those of other machines left out."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]


def ask_for_picture(parent: QWidget, title: str) -> str:
    """The path of a picture, "" for none."""
    kinds = " ".join(f"*{ending}" for ending in PICTURE_ENDINGS)
    path, _ = QFileDialog.getOpenFileName(parent, title, "", f"Pictures ({kinds})")
    return path


def choose_model(window: MainWindow) -> None:
    """Ask for a folder and open it."""
    path = QFileDialog.getExistingDirectory(window, "Open a model folder")
    if path:
        window.open(path)


def choose_model_file(window: MainWindow) -> None:
    """Ask for a checkpoint that is one file, and open it."""
    if path := ask_for_model_file(window, "Open a model file"):
        window.open(path)


def ask_for_model_file(parent: QWidget, title: str) -> str:
    """The path of a checkpoint, "" for none. Any file will do: what it is, its content says."""
    kinds = " ".join(f"*{ending}" for ending in MODEL_ENDINGS)
    path, _ = QFileDialog.getOpenFileName(parent, title, "", f"Checkpoints ({kinds});;All files (*)")
    return path


def choose_picture(window: MainWindow) -> None:
    """Ask for a picture and use it as x₀."""
    if path := ask_for_picture(window, "Open a picture as x₀"):
        window.use_picture(path)


def choose_save_file(window: MainWindow) -> None:
    """Ask for a file and save the tiles as they look."""
    path, _ = QFileDialog.getSaveFileName(window, "Save a picture of the tiles", "tiles.png", "PNG (*.png)")
    if path and not Path(path).suffix:
        path += ".png"  # not every desktop's dialog adds it
    if path:
        window.pictures.save_tiles(path)
