"""x_t on the system's clipboard: as a picture for other programs, with its numbers for this one; and pictures there."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PySide6.QtCore import QBuffer, QMimeData
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter

from explorer.lenses.colour import packed_sheet
from explorer.lenses.drawable import Drawable, Floats, Image
from explorer.ui.autosave import folder
from explorer.ui.file_dialogs import is_picture, local_files

NUMBERS = "application/x-diffusion-explorer-x_t"
"""A .npy file, float32."""
LARGEST = 256 * 2**20
"""Bytes: more numbers than that are none that this program has put there."""


def copy(x_t: Floats, shown: Drawable | None) -> None:
    """Put x_t on the clipboard. shown: how its tile draws it, None where it is not on show."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(x_t, np.float32), allow_pickle=False)
    data = QMimeData()
    data.setData(NUMBERS, file.getvalue())
    if isinstance(shown, Image):
        sheet = np.ascontiguousarray(packed_sheet(shown))
        height, width = sheet.shape
        data.setImageData(QImage(sheet.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy())
    QGuiApplication.clipboard().setMimeData(data)


def numbers() -> Floats | None:
    """The x_t that was put there, None where there is something else."""
    data = _there()
    if not data.hasFormat(NUMBERS):
        return None
    raw = data.data(NUMBERS).data()
    if len(raw) > LARGEST:
        return None
    try:
        found = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return found if found.dtype == np.float32 and np.isfinite(found).all() else None


def has_picture() -> bool:
    """Whether there is a picture, or a picture's file."""
    data = _there()
    return data.hasImage() or any(is_picture(path) for path in local_files(data))


def picture() -> str:
    """The path of the picture there, "" for none. One without a file is kept in the user's data folder, by its content:
    sessions and scripts name it. Raises OSError where it cannot be written."""
    if files := [path for path in local_files(_there()) if is_picture(path)]:
        return files[0]
    image = QGuiApplication.clipboard().image()
    if image.isNull():
        return ""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"PNG").write(image)
    png = bytes(buffer.data().data())
    where = folder() / "pasted"
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    if not path.exists():
        path.write_bytes(png)
    return str(path)


def _there() -> QMimeData:
    found: QMimeData | None = QGuiApplication.clipboard().mimeData()
    return QMimeData() if found is None else found  # some platforms have nothing to give in place of an empty one
