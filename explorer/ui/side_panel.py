"""The right side: tabs, of which one is seen at a time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget, QWidget

MINIMUM_WIDTH = 220


class SidePanel(QTabWidget):
    """One line in the window adds a tab: `side.add(widget, "Title", "what it shows")`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sideTabs")
        self.setAccessibleName("Plots and measurements")
        self.setDocumentMode(True)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.tabBar().setDrawBase(False)
        self.tabBar().setExpanding(False)
        self.tabBar().setCursor(Qt.CursorShape.PointingHandCursor)

    def add(self, widget: QWidget, title: str, tip: str) -> None:
        """A further tab, the last. A widget with a method `restyle` hears of a new theme."""
        self.setTabToolTip(self.addTab(widget, title), tip)

    def restyle(self) -> None:
        """The theme's colours for every tab."""
        for index in range(self.count()):
            restyle = getattr(self.widget(index), "restyle", None)
            if restyle is not None:
                restyle()
