"""The mouse in a tile, while something else than looking is done with it there."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent

from explorer.ui.linked_view import LinkedView
from explorer.ui.tile import Tile

BUTTONS = Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton


class TileMouse(QObject):
    """Takes the mouse from a tile's view. What a stroke does, from a button's press to its release, a subclass says:
    places are (x, y) in the view's content, [0, 1) from its top left corner."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tile: Tile | None = None
        self._view: LinkedView | None = None

    def take_up(self, tile: Tile) -> None:
        """From now on the mouse works in this tile."""
        self.put_down()
        if (view := tile.view()) is not None:
            self._tile, self._view = tile, view
            view.installEventFilter(self)
            view.setCursor(Qt.CursorShape.CrossCursor)
            view.destroyed.connect(self._forget)

    def put_down(self) -> None:
        """The mouse is for looking again."""
        if self._view is not None:
            self._view.removeEventFilter(self)
            self._view.unsetCursor()
            self._view.destroyed.disconnect(self._forget)
        self._forget()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._view is None or not isinstance(event, QMouseEvent):
            return False
        if event.type() == QEvent.Type.MouseButtonPress and event.button() & BUTTONS:
            self._begin(event, self._view.to_content(event.position()))
        elif event.type() == QEvent.Type.MouseMove and self._under_way():
            self._go_on(event, self._view.to_content(event.position()))
        elif event.type() == QEvent.Type.MouseButtonRelease and self._under_way():
            self._end()
        else:
            return False
        return True

    def _forget(self) -> None:
        self._tile = self._view = None

    def _under_way(self) -> bool:
        """Whether a stroke has begun."""
        raise NotImplementedError

    def _begin(self, event: QMouseEvent, place: QPointF) -> None:
        raise NotImplementedError

    def _go_on(self, event: QMouseEvent, place: QPointF) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError
