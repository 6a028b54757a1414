"""The right side: tabs, of which one is seen at a time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget, QWidget

MINIMUM_WIDTH = 220


class SidePanel(QTabWidget):
    """One line in the window adds a tab: `side.add(widget, "Title", "what it shows")`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._family = "diffusion"
        self._families: dict[QWidget, tuple[str, ...]] = {}
        self.setObjectName("sideTabs")
        self.setAccessibleName("Plots and measurements")
        self.setDocumentMode(True)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.tabBar().setDrawBase(False)
        self.tabBar().setExpanding(False)
        self.tabBar().setCursor(Qt.CursorShape.PointingHandCursor)

    def add(self, widget: QWidget, title: str, tip: str, families: tuple[str, ...] = ("diffusion",)) -> None:
        """A further tab, the last. A widget with a method `restyle` hears of a new theme.

        families: of the models that it is for; while another is open it is hidden.
        """
        index = self.addTab(widget, title)
        self.setTabToolTip(index, tip)
        self._families[widget] = families
        self.setTabVisible(index, self._family in families)

    def show_family(self, family: str) -> None:
        """The tabs that fit a model."""
        if family == self._family:
            return
        self._family = family
        for index in range(self.count()):
            widget = self.widget(index)
            self.setTabVisible(index, widget is not None and family in self._families[widget])
        self.setCurrentIndex(next((i for i in range(self.count()) if self.isTabVisible(i)), 0))

    def restyle(self) -> None:
        """The theme's colours for every tab."""
        for index in range(self.count()):
            restyle = getattr(self.widget(index), "restyle", None)
            if restyle is not None:
                restyle()
