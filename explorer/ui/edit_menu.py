"""The button “Edit x_t”: what is done there goes on as a branch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from explorer.request import Forward
from explorer.ui.brush import Brush
from explorer.ui.edits import EDITS, Edit
from explorer.ui.icons import icon
from explorer.ui.session import Session
from explorer.ui.tile import Tile

TIP = "Edit x_t: what you change goes on as a branch, and the run stays as it is"
BRUSH_TIPS = {
    "image": "Paint on the tile x_t: the left button in white, the right one in black",
    "latent": "Paint on the tile x_t in all channels: the left button the greatest value, the right one the least",
    "points": "Take hold of points in the tile x_t and drag them",
}
OFFERED_SAMPLES = 10
FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff)"


class EditButton(QToolButton):
    """x_t_tile: where x_t is shown, None where it is not."""

    def __init__(self, session: Session, x_t_tile: Callable[[], Tile | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._x_t_tile = session, x_t_tile
        self._brush = Brush(self)
        self._brush.done.connect(
            lambda x_t: session.branch(x_t, "painted" if self._kind != "points" else "points moved")
        )
        self.setObjectName("editButton")
        self.setAccessibleName("Edit x_t")
        self.setToolTip(TIP)
        self.setIconSize(QSize(16, 16))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)
        self._samples = QMenu("Put in data, noised to this t", menu)
        self._samples.setToolTip("x_t = a(t) x₀ + s(t) ε of a sample, where the run goes on from: SDEdit")
        self.setMenu(menu)
        self.setEnabled(False)
        session.stateChanged.connect(self._follow)
        session.seen.connect(self._follow)
        self.restyle()

    def restyle(self) -> None:
        """The icon in the theme's colours."""
        self.setIcon(icon("edit"))

    @property
    def _kind(self) -> str:
        return self._session.facts.kind if self._session.facts is not None else "image"

    def fill(self) -> None:
        """What can be done to the x_t on show."""
        menu, facts, x_t = self.menu(), self._session.facts, self._session.x_t
        menu.clear()
        if facts is None or x_t is None:
            return
        brush = menu.addAction("Paint with a brush" if facts.on_grid else "Drag points")
        brush.setObjectName("edit:brush")
        brush.setToolTip(BRUSH_TIPS[facts.kind])
        brush.setCheckable(True)
        brush.setChecked(self._brush.on)
        brush.toggled.connect(self._use_brush)
        menu.addSeparator()
        channels = x_t.shape[1]
        for edit in EDITS:
            if facts.kind in edit.kinds and len(x_t) >= edit.least[0] and channels >= edit.least[1]:
                action = menu.addAction(edit.text)
                action.setObjectName(f"edit:{edit.name}")
                action.triggered.connect(lambda _=False, edit=edit: self._apply(edit))
        if facts.sample_count:
            samples = self._samples
            samples.clear()
            menu.addMenu(samples)
            for index in range(min(OFFERED_SAMPLES, facts.sample_count) if facts.on_grid else 1):
                label = facts.class_names[facts.sample_labels[index]] if index < len(facts.sample_labels) else ""
                words = f"sample {index}   {label}" if facts.on_grid else "the samples"
                action = samples.addAction(words.strip())
                action.setObjectName(f"edit:sample{index}")
                action.triggered.connect(
                    lambda _=False, index=index: self._put_in(Forward(first=index), f"data {index}")
                )
        if facts.on_grid:
            picture = menu.addAction("Put in a picture, noised to this t…")
            picture.setObjectName("edit:picture")
            picture.triggered.connect(lambda _=False: self._choose_picture())

    def _follow(self) -> None:
        possible = self._session.can_branch and self._session.x_t is not None
        self.setEnabled(possible)
        if not possible and self._brush.on:
            self._use_brush(False)

    def _use_brush(self, on: bool) -> None:
        tile = self._x_t_tile()
        if on and tile is not None:
            self._brush.take_up(tile)
        else:
            self._brush.put_down()
            if on:
                self._session.failed.emit("Painting takes the tile x_t: show it in View ▸ Tiles.")

    def _apply(self, edit: Edit) -> None:
        if self._session.x_t is not None:
            self._session.branch(edit.apply(self._session.x_t), edit.text.lower())

    def _put_in(self, source: Forward, words: str) -> None:
        seed = self._session.state.noise_seed
        self._session.branch(Forward(source.first, 1, seed, source.picture), f"{words} put in, noised")

    def _choose_picture(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Put in a picture as x₀", "", FILES)
        if path:
            self._put_in(Forward(picture=path), f"“{Path(path).name}”")
