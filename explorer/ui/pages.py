"""The pages of the window: the gallery, and the workspace of the open model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QStackedWidget, QWidget

from explorer.ui.gallery import Gallery
from explorer.ui.session import Session
from explorer.ui.settings import Settings
from explorer.ui.workspace import Workspace


class Pages(QStackedWidget):
    """One of the two is on show."""

    def __init__(
        self, session: Session, settings: Settings, workspace: Workspace, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._workspace = workspace
        self.gallery = Gallery()
        self.addWidget(self.gallery)
        self.addWidget(workspace)

    @property
    def workspace_shown(self) -> bool:
        """True where the open model is on show, or the one that is being read."""
        return self.currentWidget() is self._workspace

    def show_workspace(self) -> None:
        """As it is."""
        self.setCurrentWidget(self._workspace)

    def show_loading(self) -> None:
        """The page of a model before the first one is open."""
        self.show_workspace()
        self._workspace.tiles.clear("Loading…")

    def show_gallery(self) -> None:
        """With what was opened lately and is still there, and a way back to the open model; a run is paused."""
        facts = self._session.facts
        self.gallery.set_open_model(facts.title if facts is not None else None)
        self._session.pause()
        self.gallery.set_recent([path for path in self._settings.recent() if Path(path).exists()])
        self.setCurrentWidget(self.gallery)

    def leave_gallery(self) -> bool:
        """To the open model; False where the gallery is not on show, or nothing is open."""
        if self.workspace_shown or self._session.facts is None:
            return False
        self.show_workspace()
        return True
