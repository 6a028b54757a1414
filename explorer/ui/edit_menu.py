"""The button “Edit x_t”: what is done there goes on as a branch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from explorer.facts import ModelFacts
from explorer.lenses.drawable import Floats
from explorer.request import Forward, PutIn
from explorer.ui import clipboard
from explorer.ui.brush import Brush
from explorer.ui.edits import EDITS, Edit, inside
from explorer.ui.file_dialogs import ask_for_picture
from explorer.ui.icons import icon
from explorer.ui.point_band import fitting
from explorer.ui.selecting import Selecting, Way
from explorer.ui.selection import box, words
from explorer.ui.session import Session
from explorer.ui.tile import Tile
from explorer.ui.viewport import Viewport

TIP = "Edit x_t: what you change goes on as a branch, and the run stays as it is"
BRUSH_TIPS = {
    "image": "Paint on the tile x_t: the left button in white, the right one in black",
    "latent": "Paint on the tile x_t in all channels: the left button the greatest value, the right one the least",
    "points": "Take hold of points in the tile x_t and drag them",
}
SELECT_TIPS: dict[Way, tuple[str, str]] = {
    "rectangle": (
        "Select a rectangle",
        "Drag on the tile x_t: edits are then for these pixels alone, alike in all samples. Shift: these too",
    ),
    "brush": (
        "Select with a brush",
        "Paint on the tile x_t what edits are for, alike in all samples; the right button takes away",
    ),
}
SELECT_POINTS = "Hold Shift and drag over points: they stay marked at every t, and edits are for them alone."
OFFERED_SAMPLES = 10


class EditButton(QToolButton):
    """x_t_tile: where x_t is shown, None where it is not. pictures, plane: the viewports that show what is selected."""

    def __init__(
        self,
        session: Session,
        x_t_tile: Callable[[], Tile | None],
        pictures: Viewport,
        plane: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._x_t_tile, self._plane = session, x_t_tile, plane
        self.selecting = Selecting(pictures, self)
        self._brush = Brush(self)
        self._brush.done.connect(self._take_stroke)
        self.setObjectName("editButton")
        self.setAccessibleName("Edit x_t")
        self.setIconSize(QSize(16, 16))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)
        self._samples = QMenu("Put in data, noised to this t", menu)
        self._samples.setToolTip("x_t = a(t) x₀ + s(t) ε of a sample, where the run goes on from: SDEdit")
        self.setMenu(menu)
        self.setEnabled(False)
        self._say_selection()
        self.selecting.changed.connect(self._say_selection)
        session.stateChanged.connect(self._follow)
        session.seen.connect(self._follow)
        session.opened.connect(lambda _: self._select_nothing())
        self.restyle()

    def restyle(self) -> None:
        """The icon in the theme's colours."""
        self.setIcon(icon("edit"))

    def let_go(self) -> bool:
        """The mouse is for looking again; if it is already, nothing is selected any more. False where all is so."""
        if self._brush.on or self.selecting.way is not None:
            self._put_down()
            return True
        if self.selecting.mask is None and self._plane.selection is None:
            return False
        self._select_nothing()
        return True

    @property
    def _kind(self) -> str:
        return self._session.facts.kind if self._session.facts is not None else "image"

    @property
    def _mask(self) -> NDArray[np.bool_] | None:
        """What is selected: pixels, (height, width), or of points (n,)."""
        x_t = self._session.x_t
        if self._kind != "points":
            return self.selecting.mask
        return None if x_t is None else fitting(self._plane.selection, len(x_t))

    @property
    def _inside(self) -> str:
        """How the name of an edit goes on."""
        return "" if self._mask is None else " in the selection"

    def fill(self) -> None:
        """What can be done to the x_t on show."""
        menu, facts, x_t = self.menu(), self._session.facts, self._session.x_t
        menu.clear()
        if facts is None or x_t is None:
            return
        if facts.kind != "line":  # its tile is a histogram: there is nothing to take hold of
            self._add_tools(menu, facts)
        mask, channels = self._mask, x_t.shape[1]
        menu.addSection(f"In {words(mask)}" if mask is not None else "In all of x_t")
        for edit in EDITS:
            if facts.kind in edit.kinds and len(x_t) >= edit.least[0] and channels >= edit.least[1]:
                self._add(menu, edit.name, edit.text, partial(self._apply, edit))
        if facts.sample_count:
            self._add_samples(menu, facts)
        if facts.on_grid:
            self._add(menu, "picture", "Put in a picture, noised to this t…", self._choose_picture)
            if mask is not None and facts.kind == "image":
                fitted = self._add(
                    menu, "fitted", "Put in a picture, scaled to the selection…", lambda: self._choose_picture(True)
                )
                fitted.setToolTip("The whole picture in the frame around the selection, noised to this t")
        self._add_clipboard(menu, facts)

    def _add(self, menu: QMenu, name: str, text: str, do: Callable[[], object]) -> QAction:
        action = menu.addAction(text)
        action.setObjectName(f"edit:{name}")
        action.triggered.connect(lambda _=False: do())
        return action

    def _add_clipboard(self, menu: QMenu, facts: ModelFacts) -> None:
        menu.addSection("Clipboard")
        self._add(menu, "copy", "Copy x_t\tCtrl+C", self.copy).setToolTip("Its numbers, and its picture")
        if self._numbers() is not None:
            self._add(menu, "paste", "Paste the x_t that was copied\tCtrl+V", self.paste)
        elif facts.on_grid and clipboard.has_picture():
            self._add(menu, "paste", "Paste the picture, noised to this t\tCtrl+V", self.paste)

    def copy(self) -> None:
        """x_t to the clipboard."""
        tile = self._x_t_tile()
        x_t = self._session.x_t if self._session.x_t is not None or tile is None else tile.data()
        if x_t is not None and x_t.size:
            clipboard.copy(x_t, tile.drawable() if tile is not None else None)
            self._session.progressed.emit("x_t is on the clipboard.")

    def paste(self) -> None:
        """What is on the clipboard in the place of x_t, or in the selection: as it is if it is an x_t, noised to this t
        if it is a picture. In a forward view a picture becomes x₀."""
        session, facts = self._session, self._session.facts
        if facts is None:
            return
        x_t, pasted = session.x_t, self._numbers()
        if x_t is not None and pasted is not None and session.can_branch:
            session.branch(inside(x_t, pasted, self._mask), f"x_t pasted{self._inside}")
        elif facts.on_grid and clipboard.has_picture():
            try:
                path = clipboard.picture()
            except OSError as error:
                session.failed.emit(f"The picture could not be kept: {error.strerror or error}.")
                return
            if session.can_branch and facts.family != "chain":
                mask = self.selecting.mask
                self._put_in(
                    Forward(picture=path), "the clipboard's picture", mask is not None and facts.kind == "image"
                )
            else:
                session.use_picture(path)
        else:
            session.failed.emit("The clipboard holds no picture, and no x_t of this shape.")

    def _numbers(self) -> Floats | None:
        """The x_t on the clipboard, if it is like the one on show; of one sample it is for all."""
        x_t, found = self._session.x_t, clipboard.numbers()
        if x_t is None or found is None or found.shape[1:] != x_t.shape[1:] or len(found) not in (1, len(x_t)):
            return None
        return np.ascontiguousarray(np.broadcast_to(found, x_t.shape))

    def _add_tools(self, menu: QMenu, facts: ModelFacts) -> None:
        """What the mouse is for, and the selection."""
        brush = menu.addAction("Paint with a brush" if facts.on_grid else "Drag points")
        brush.setObjectName("edit:brush")
        brush.setToolTip(BRUSH_TIPS[facts.kind])
        brush.setCheckable(True)
        brush.setChecked(self._brush.on)
        brush.toggled.connect(self._use_brush)
        if not facts.on_grid:
            self._add_selection_of_points(menu)
            return
        for way, (text, tip) in SELECT_TIPS.items():
            select = menu.addAction(text)
            select.setObjectName(f"edit:select_{way}")
            select.setToolTip(tip)
            select.setCheckable(True)
            select.setChecked(self.selecting.way == way)
            select.toggled.connect(lambda on, way=way: self._use_selection(way if on else None))
        if self.selecting.mask is not None:
            self._add(menu, "invert", "Select all the others", self.selecting.invert)
            self._add(menu, "unselect", "Select nothing", lambda: self.selecting.select(None))

    def _add_selection_of_points(self, menu: QMenu) -> None:
        mask = self._mask
        if mask is None:
            self._add(menu, "select_points", "Select points", lambda: self._session.progressed.emit(SELECT_POINTS))
        else:
            self._add(menu, "invert", "Select all the others", lambda: self._plane.set_selection(~mask))
            self._add(menu, "unselect", "Select nothing", self._select_nothing)

    def _add_samples(self, menu: QMenu, facts: ModelFacts) -> None:
        samples = self._samples
        samples.clear()
        menu.addMenu(samples)
        for index in range(min(OFFERED_SAMPLES, facts.sample_count) if facts.on_grid else 1):
            label = facts.class_names[facts.sample_labels[index]] if index < len(facts.sample_labels) else ""
            text = f"sample {index}   {label}" if facts.on_grid else "the samples"
            put_in = partial(self._put_in, Forward(first=index), f"data {index}")
            self._add(samples, f"sample{index}", text.strip(), put_in)

    def _follow(self) -> None:
        possible = self._session.can_branch and self._session.x_t is not None
        self.setEnabled(possible)
        if not possible:
            self._put_down()

    def _say_selection(self) -> None:
        mask = self.selecting.mask
        self.setToolTip(TIP if mask is None else f"{TIP}.\nSelected: {words(mask)}; Esc: all of x_t again")

    def _select_nothing(self) -> None:
        self.selecting.select(None)
        if self._plane.selection is not None:
            self._plane.set_selection(None)

    def _put_down(self) -> None:
        self._brush.put_down()
        self.selecting.put_down()

    def _use_brush(self, on: bool) -> None:
        self._put_down()
        if on and (tile := self._tile("Painting")) is not None:
            self._brush.take_up(tile)

    def _use_selection(self, way: Way | None) -> None:
        self._put_down()
        if way is not None and (tile := self._tile("Selecting")) is not None:
            self.selecting.begin(tile, way)

    def _tile(self, doing: str) -> Tile | None:
        tile = self._x_t_tile()
        if tile is None:
            self._session.failed.emit(f"{doing} takes the tile x_t: show it in View ▸ Tiles.")
        return tile

    def _take_stroke(self, painted: Floats) -> None:
        if self._session.x_t is not None:
            name = "painted" if self._kind != "points" else "points moved"
            self._session.branch(inside(self._session.x_t, painted, self._mask), f"{name}{self._inside}")

    def _apply(self, edit: Edit) -> None:
        x_t = self._session.x_t
        if x_t is not None:
            edited = inside(x_t, edit.apply(x_t), self._mask)
            self._session.branch(edited, f"{edit.text.lower()}{self._inside}")

    def _put_in(self, source: Forward, name: str, fitted: bool = False) -> None:
        """fitted: scaled to the frame around the selection."""
        source = Forward(source.first, 1, self._session.state.noise_seed, source.picture)
        mask, x_t = self.selecting.mask, self._session.x_t
        if mask is None or x_t is None:
            self._session.branch(source, f"{name} put in, noised")
        else:
            put = PutIn(source, mask.astype("float32"), x_t, box(mask) if fitted else None)
            self._session.branch(put, f"{name} put in, noised{self._inside}")

    def _choose_picture(self, fitted: bool = False) -> None:
        if path := ask_for_picture(self, "Put in a picture as x₀"):
            self._put_in(Forward(picture=path), f"“{Path(path).name}”", fitted)
