"""The first page: the shipped models in groups, recent models, and a way to open others."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.paths import CHECKPOINTS
from explorer.ui.model_card import ModelCard
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.shipped import Group, Shipped, grouped, shipped_in

__all__ = ["Gallery", "ModelCard", "shipped_models"]

CARD_WIDTH = 300
"""The least that a card needs for its words."""
MARGIN, SPACING = 32, 12
MOST_COLUMNS = 5


def shipped_models() -> list[Shipped]:
    """The models under `checkpoints/` that can be looked at."""
    return shipped_in(CHECKPOINTS)


class Gallery(ScrollPanel):
    """Emits chosen(path) for a card or a recent model, the others for the buttons."""

    chosen = Signal(str)
    openClicked = Signal()
    tourClicked = Signal()
    backClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, (MARGIN, 24, MARGIN, 24))
        self._columns = 0
        self._grids: list[tuple[QGridLayout, list[ModelCard]]] = []
        self.column.addLayout(self._heading())
        groups = grouped(shipped_models())
        for group, models in groups:
            if len(groups) > 1:
                self.column.addLayout(_group_heading(group))
            self.column.addLayout(self._cards(models))
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        self.column.addSpacing(6)
        self.column.addLayout(self._recent)
        self.column.addStretch(1)
        self._arrange(4, CARD_WIDTH)

    def _heading(self) -> QHBoxLayout:
        title = QLabel("<span style='font-size:18pt; font-weight:600'>Diffusion Explorer</span>")
        lead = QLabel("Open a trained diffusion model, drag its timestep, and see what it predicts.")
        lead.setObjectName("muted")
        open_button = QPushButton("Open a model folder…")
        open_button.setObjectName("galleryOpenButton")
        open_button.setToolTip(
            "Or drop a folder or a file anywhere on this window; for a file there is File ▸ Open model file…"
        )
        open_button.clicked.connect(self.openClicked)
        tour_button = QPushButton("Take the guided tour")
        tour_button.setObjectName("galleryTourButton")
        tour_button.setToolTip("From the variational autoencoder to guided diffusion, in sixteen stops")
        tour_button.clicked.connect(self.tourClicked)
        self._back = QPushButton()
        self._back.setObjectName("galleryBackButton")
        self._back.clicked.connect(self.backClicked)
        self._back.hide()
        words, row = QVBoxLayout(), QHBoxLayout()
        words.addWidget(title)
        words.addWidget(lead)
        row.addLayout(words, 1)
        row.addWidget(self._back)
        row.addWidget(open_button)
        row.addWidget(tour_button)
        return row

    def _cards(self, models: list[Shipped]) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(SPACING)
        grid.setColumnStretch(MOST_COLUMNS, 1)  # a column that stays empty takes what is left
        cards = [ModelCard(model) for model in models]
        for card in cards:
            card.chosen.connect(self.chosen)
        self._grids.append((grid, cards))
        return grid

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = event.size().width() - 2 * MARGIN + SPACING
        columns = min(max(room // (CARD_WIDTH + SPACING), 1), MOST_COLUMNS)
        self._arrange(columns, room // columns - SPACING)

    def _arrange(self, columns: int, width: int) -> None:
        """The same columns in all groups, whether they have cards or not."""
        for grid, cards in self._grids:
            for column in range(MOST_COLUMNS):
                grid.setColumnMinimumWidth(column, width if column < columns else 0)
            if columns != self._columns:
                for i, card in enumerate(cards):
                    grid.addWidget(card, i // columns, i % columns)
        self._columns = columns

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


def _group_heading(group: Group) -> QHBoxLayout:
    title, note = QLabel(group.title), QLabel(group.note)
    title.setObjectName("groupTitle")
    note.setObjectName("muted")
    row = QHBoxLayout()
    row.setContentsMargins(0, 12, 0, 0)
    row.setSpacing(10)
    row.addWidget(title)
    row.addWidget(note, 1)
    return row
