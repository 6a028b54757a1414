"""The first page: the shipped models as cards, recent models, and a way to open others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from explorer.paths import CHECKPOINTS, RESOURCES

THUMBNAIL = 168
SHEET_CORNER = 112
"""Pixels of a sheet of samples that are shown: 4×4 digits, 7×7 faces."""


@dataclass(frozen=True)
class Shipped:
    """A shipped model as the gallery shows it."""

    path: Path
    title: str
    summary: str
    picture: Path | None


def shipped_models() -> list[Shipped]:
    """The models under `checkpoints/` that can be looked at: pictures first, then by name."""
    models = []
    for card in sorted(
        CHECKPOINTS.glob("*/explorer.json"), key=lambda card: (not (card.parent / "unet").is_dir(), card)
    ):
        try:
            values = json.loads(card.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not values.get("gallery", True):
            continue
        pictures = [card.parent / name for name in ("preview.png", "samples.png")]
        picture = next((file for file in pictures if file.is_file()), None)
        models.append(Shipped(card.parent, values.get("title", card.parent.name), values.get("summary", ""), picture))
    return models


class ModelCard(QFrame):
    """A model to click on, or to choose with the keyboard."""

    chosen = Signal(str)

    def __init__(self, model: Shipped, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = str(model.path)
        self.setObjectName("card")
        self.setAccessibleName(f"Open {model.title}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        picture = QLabel()
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        picture.setFixedHeight(THUMBNAIL)
        picture.setPixmap(_thumbnail(model.picture))
        title = QLabel(model.title)
        title.setObjectName("tileTitle")
        summary = QLabel(model.summary)
        summary.setObjectName("muted")
        summary.setWordWrap(True)
        summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 14, 14, 14)
        layout.setSpacing(8)
        layout.addWidget(picture)
        layout.addWidget(title)
        layout.addWidget(summary, 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self._path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self._path)
        else:
            super().keyPressEvent(event)


class Gallery(QScrollArea):
    """Emits chosen(path) for a card or a recent model, the others for the buttons."""

    chosen = Signal(str)
    openClicked = Signal()
    tourClicked = Signal()
    backClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        body = QWidget()
        body.setObjectName("panelBody")
        self.setWidget(body)
        title = QLabel("<span style='font-size:18pt; font-weight:600'>Diffusion Explorer</span>")
        lead = QLabel("Open a trained diffusion model, drag its timestep, and see what it predicts.")
        lead.setObjectName("muted")
        open_button = QPushButton("Open a model folder…")
        open_button.setObjectName("galleryOpenButton")
        open_button.clicked.connect(self.openClicked)
        tour_button = QPushButton("Take the guided tour")
        tour_button.setObjectName("galleryTourButton")
        tour_button.setToolTip("From the variational autoencoder to guided diffusion, in sixteen stops")
        tour_button.clicked.connect(self.tourClicked)
        hint = QLabel("…or drop a folder anywhere on this window.")
        hint.setObjectName("muted")
        self._back = QPushButton()
        self._back.setObjectName("galleryBackButton")
        self._back.clicked.connect(self.backClicked)
        self._back.hide()
        heading = QHBoxLayout()
        heading.addWidget(title, 1)
        heading.addWidget(self._back)
        cards = QGridLayout()
        cards.setSpacing(14)
        models = shipped_models()
        columns = 3 if len(models) <= 6 else 4
        for i, model in enumerate(models):
            card = ModelCard(model)
            card.chosen.connect(self.chosen)
            cards.addWidget(card, i // columns, i % columns)
        for column in range(columns):
            cards.setColumnStretch(column, 1)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        row = QHBoxLayout()
        row.addWidget(tour_button)
        row.addWidget(open_button)
        row.addWidget(hint)
        row.addStretch(1)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(36, 28, 36, 28)
        layout.setSpacing(12)
        layout.addLayout(heading)
        layout.addWidget(lead)
        layout.addSpacing(8)
        layout.addLayout(cards)
        layout.addSpacing(8)
        layout.addLayout(row)
        layout.addLayout(self._recent)
        layout.addStretch(1)

    def set_open_model(self, title: str | None) -> None:
        """The model that is open behind this page, None for none."""
        self._back.setVisible(title is not None)
        self._back.setText(f"Back to {title}")
        self._back.setToolTip("Esc")

    def set_recent(self, paths: list[str]) -> None:
        """Links to the models opened last."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if not paths:
            return
        heading = QLabel("Recent")
        heading.setObjectName("sectionTitle")
        self._recent.addWidget(heading)
        for path in paths:
            link = QLabel()
            link.setText(f'<a href="{Path(path).as_uri()}" style="text-decoration:none">{Path(path).name}</a> — {path}')
            link.setObjectName("muted")
            link.linkActivated.connect(lambda _, path=path: self.chosen.emit(path))
            link.setTextInteractionFlags(
                Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
            )
            self._recent.addWidget(link)


def _thumbnail(file: Path | None) -> QPixmap:
    """A card's picture: the whole preview, or the top left of a sheet of samples, enlarged without blur."""
    pixmap = QPixmap(str(file if file is not None else RESOURCES / "icons" / "app.svg"))
    if pixmap.isNull():
        return pixmap
    if file is not None and file.name == "samples.png":
        side = min(pixmap.width(), pixmap.height(), SHEET_CORNER)
        return pixmap.copy(QRect(0, 0, side, side)).scaledToHeight(THUMBNAIL)
    return pixmap.scaledToHeight(THUMBNAIL, Qt.TransformationMode.SmoothTransformation)
