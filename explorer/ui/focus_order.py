"""Tab goes through the window as one reads it: the choices, the side, then the timeline below both."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from explorer.ui.session import Session
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
        while before is not None and timeline.isAncestorOf(before):
            before = before.previousInFocusChain()
        if before is None:
            return
        for widget in _reached_by_tab(timeline.parts()):
            QWidget.setTabOrder(before, widget)
            before = widget


def _reached_by_tab(parts: list[QWidget]) -> Iterator[QWidget]:
    """Of some widgets and what they are made of, in their order."""
    for part in parts:
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield part
        else:
            yield from _reached_by_tab([child for child in part.children() if isinstance(child, QWidget)])
