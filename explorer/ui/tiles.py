"""The centre of the window: the tiles, arranged in a grid that fills the room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from explorer.engine.frame import LensSpec
from explorer.lenses.drawable import Drawable
from explorer.ui.tile import Tile
from explorer.ui.viewport import Viewport

_KINDS = ("image", "points", "line", "latent")
FIRST_TILES = (
    LensSpec("x_t", "x<sub>t</sub>", "x_t = a(t) x₀ + s(t) ε", _KINDS, words="model input"),
    LensSpec("x0", "x̂<sub>0</sub>", "x̂₀ = E[x₀ | x_t] = (x_t − s ε̂) / a", _KINDS, words="denoised"),
    LensSpec("eps", "ε̂", "ε̂ = E[ε | x_t] = (x_t − a x̂₀) / s", _KINDS, words="predicted noise"),
    LensSpec("score", "score", "∇ log p(x_t) = −ε̂ / s", _KINDS, words="towards likelier data"),
)
"""What is there while the engine, which knows the lenses, is still loading."""


class Tiles(QWidget):
    """Tiles by lens name, sharing two viewports: one for pictures, one for the plane."""

    placed = Signal(str, float, float)
    """lens, x, y: the mouse chose a place among points."""
    picked = Signal(int, int)
    """row, column: the mouse chose a pixel of a picture."""
    numberMoved = Signal(str, int, float)
    """lens, number, value: the mouse dragged a number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = Viewport(self)
        self.plane = Viewport(self)
        self._tiles: dict[str, Tile] = {}
        self._fixed_columns: int | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self.set_lenses(FIRST_TILES)

    def tile(self, name: str) -> Tile:
        """The tile of a lens. Raises KeyError where it is not on show."""
        return self._tiles[name]

    def names(self) -> tuple[str, ...]:
        """The lenses on show."""
        return tuple(self._tiles)

    def set_lenses(self, lenses: Sequence[LensSpec], columns: int | None = None) -> None:
        """Show these lenses, in this order; tiles that stay keep what they show. columns: None for what fits best."""
        self._fixed_columns = columns
        for name in set(self._tiles) - {lens.name for lens in lenses}:
            tile = self._tiles.pop(name)
            self._grid.removeWidget(tile)
            tile.hide()
            tile.dissolve()
            tile.deleteLater()
        kept, self._tiles = self._tiles, {}
        for lens in lenses:
            tile = kept.get(lens.name) or self._made(lens)
            tile.header.set_title(lens.label)
            self._tiles[lens.name] = tile
            tile.show()
        self._arrange()

    def _made(self, lens: LensSpec) -> Tile:
        tile = Tile(lens.name, lens.label, lens.formula, self.pictures, self.plane, self, lens.words)
        tile.placed.connect(self.placed)
        tile.picked.connect(self.picked)
        tile.numberMoved.connect(self.numberMoved)
        return tile

    def show_drawables(self, drawables: Mapping[str, Drawable]) -> None:
        """Show what the lenses drew; tiles without a drawing keep what they have."""
        for name, drawable in drawables.items():
            if name in self._tiles:
                self._tiles[name].show_drawable(drawable)

    def set_formula(self, name: str, formula: str) -> None:
        """What a tile's header says of its origin, "" for its lens's own formula."""
        if name in self._tiles:
            self._tiles[name].header.set_formula(formula)

    def clear(self, text: str = "") -> None:
        """Forget everything on show."""
        for tile in self._tiles.values():
            tile.clear(text)
        self.pictures.reset()
        self.plane.reset()

    def restyle(self) -> None:
        """Paint again in a new theme."""
        for tile in self._tiles.values():
            tile.restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = self._columns()
        for i, tile in enumerate(self._tiles.values()):
            self._grid.addWidget(tile, i // columns, i % columns)
        for i in range(8):
            self._grid.setColumnStretch(i, 1 if i < columns else 0)
            self._grid.setRowStretch(i, 1 if i * columns < len(self._tiles) else 0)

    def _columns(self) -> int:
        """As many columns as make the square part of each tile largest."""
        n = max(len(self._tiles), 1)
        if self._fixed_columns is not None:
            return self._fixed_columns
        width, height = max(self.width(), 1), max(self.height(), 1)
        beside, above = 30, 66  # what a tile's margins, header and footer take
        return max(range(1, n + 1), key=lambda c: min(width / c - beside, height / -(-n // c) - above))
