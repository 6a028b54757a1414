"""A panel whose widgets lie below each other, and scroll where there is no room for all of them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

MARGINS = (10, 8, 10, 10)


class ScrollPanel(QScrollArea):
    """column: what lies below each other. margins: left, top, right and bottom of that, in pixels."""

    def __init__(self, parent: QWidget | None = None, margins: tuple[int, int, int, int] = MARGINS) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        body.setObjectName("panelBody")
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(*margins)
        self.column.setSpacing(6)
        self.setWidget(body)
