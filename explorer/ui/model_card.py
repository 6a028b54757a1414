"""A shipped model in the gallery: its picture, its name and what to look at."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from explorer.paths import RESOURCES
from explorer.ui.clamped_label import ClampedLabel
from explorer.ui.shipped import Shipped
from explorer.ui.short_text import typeset

THUMBNAIL = 112
SHEET_CORNER = 112
"""Pixels of a sheet of samples that are shown: 4×4 digits, 7×7 faces."""


class ModelCard(QFrame):
    """A model to click on, or to choose with the keyboard."""

    chosen = Signal(str)

    def __init__(self, model: Shipped, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = str(model.path)
        self.setObjectName("card")
        self.setAccessibleName(f"Open {model.title}")
        self.setToolTip(f"<p>{model.summary}</p>" if model.summary else "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # columns are equally wide
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        picture = QLabel()
        picture.setFixedSize(THUMBNAIL, THUMBNAIL)
        picture.setPixmap(_thumbnail(model.picture, self.devicePixelRatioF()))
        title = QLabel(model.title)
        title.setObjectName("tileTitle")
        title.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(title)
        words.addWidget(ClampedLabel(typeset(model.summary)), 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 10, 12, 10)
        layout.setSpacing(12)
        layout.addWidget(picture)
        layout.addLayout(words, 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self._path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self._path)
        else:
            super().keyPressEvent(event)


def _thumbnail(file: Path | None, ratio: float) -> QPixmap:
    """A card's picture: the whole preview, or the top left of a sheet of samples, enlarged without blur.

    ratio: device pixels of the screen per pixel of the window.
    """
    pixmap = QPixmap(str(file if file is not None else RESOURCES / "icons" / "app.svg"))
    if pixmap.isNull():
        return pixmap
    side = round(THUMBNAIL * ratio)
    if file is not None and file.name == "samples.png":
        corner = min(pixmap.width(), pixmap.height(), SHEET_CORNER)
        pixmap = pixmap.copy(QRect(0, 0, corner, corner)).scaledToHeight(side)
    else:
        pixmap = pixmap.scaledToHeight(side, Qt.TransformationMode.SmoothTransformation)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
