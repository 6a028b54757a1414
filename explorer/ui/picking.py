"""A click on a picture chooses the pixel that lenses of one number are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject

from explorer.engine.frame import LensSpec
from explorer.ui.session import Session
from explorer.ui.tiles import Tiles


class PickedPixel(QObject):
    """Listens to the tiles while such a lens is on show, and marks the pixel in all pictures."""

    def __init__(
        self, session: Session, tiles: Tiles, lenses: Callable[[], Sequence[LensSpec]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._tiles, self._lenses = session, tiles, lenses
        tiles.picked.connect(self._pick)
        session.stateChanged.connect(self._mark)
        session.opened.connect(lambda _: session.set_place(None))

    @property
    def _wanted(self) -> bool:
        shown = self._session.side_by_side or self._session.state.lenses
        return any(lens.of_place and lens.name in shown for lens in self._lenses())

    def _pick(self, row: int, column: int) -> None:
        if self._wanted:
            self._session.set_place((row, column))
            self._mark()

    def _mark(self) -> None:
        self._tiles.pictures.set_mark(self._session.place if self._wanted else None)
