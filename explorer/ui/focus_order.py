"""Tab goes through the window as one reads it: the choices, the side, then the timeline below both."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from explorer.ui.session import Session
from explorer.ui.tab_order import follow, takes_tab
from explorer.ui.workspace import Workspace


class FocusOrder(QObject):
    """Keeps the timeline last. Qt goes by the order in which widgets were made, and tabs make theirs late."""

    def __init__(self, session: Session, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self.arrange)
        session.opened.connect(self._soon.start)
        workspace.side.currentChanged.connect(self._soon.start)
        self._soon.start()

    def arrange(self) -> None:
        """Now."""
        timeline = self._workspace.timeline
        before = timeline.window().previousInFocusChain()
        while before is not None and (timeline.isAncestorOf(before) or not takes_tab(before)):
            before = before.previousInFocusChain()
        if before is not None:
            follow(before, timeline.parts())
