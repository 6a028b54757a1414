"""The right side: tabs, of which one is seen at a time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

MINIMUM_WIDTH = 220
PADDING, NARROW_PADDING = 6, 4
"""Pixels on both sides of a tab's title."""
FONT, NARROW_FONT = 9.5, 8.5
"""Points."""


class SidePanel(QTabWidget):
    """One line in the window adds a tab: `side.add(widget, "Title", "what it shows")`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._family = "diffusion"
        self._families: dict[QWidget, tuple[str, ...]] = {}
        self._withheld: frozenset[QWidget] = frozenset()
        self.setObjectName("sideTabs")
        self.setAccessibleName("Plots and measurements")
        self.setDocumentMode(True)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.tabBar().setDrawBase(False)
        self.tabBar().setExpanding(False)
        self.tabBar().setCursor(Qt.CursorShape.PointingHandCursor)
        self._narrow: bool | None = None
        self._set_narrow(False)

    def add(self, widget: QWidget, title: str, tip: str, families: tuple[str, ...] = ("diffusion",)) -> None:
        """A further tab, the last. A widget with a method `restyle` hears of a new theme.

        families: of the models that it is for; while another is open it is hidden.
        """
        index = self.addTab(widget, title)
        self.setTabToolTip(index, tip)
        self._families[widget] = families
        self.setTabVisible(index, self._family in families)
        self._fit_titles()

    def show_family(self, family: str) -> None:
        """The tabs that fit a model."""
        if family == self._family:
            return
        self._family = family
        for index in range(self.count()):
            widget = self.widget(index)
            fits = widget is not None and family in self._families[widget] and widget not in self._withheld
            self.setTabVisible(index, fits)
        self.setCurrentIndex(next((i for i in range(self.count()) if self.isTabVisible(i)), 0))
        self._fit_titles()

    def least_width(self) -> int:
        """Room in which the titles of all tabs are seen, in their small letters."""
        return max(self._titles_width(NARROW_FONT, NARROW_PADDING), MINIMUM_WIDTH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_titles()

    def _fit_titles(self) -> None:
        self._set_narrow(self.width() < self._titles_width(FONT, PADDING))

    def _titles_width(self, points: float, padding: int) -> int:
        font = QFont(self.font())
        font.setPointSizeF(points)
        metrics = QFontMetrics(font)
        titles = [self.tabText(index) for index in range(self.count()) if self.isTabVisible(index)]
        return sum(metrics.horizontalAdvance(title) + 2 * padding + 1 for title in titles) + 2

    def _set_narrow(self, narrow: bool) -> None:
        """Whether the titles are written small, so that no tab is hidden."""
        if narrow == self._narrow:
            return
        self._narrow = narrow
        bar = self.tabBar()
        bar.setProperty("narrow", narrow)
        bar.style().unpolish(bar)
        bar.style().polish(bar)

    def show_tab(self, widget: QWidget, on: bool) -> None:
        """Whether the tab of a widget is offered where it fits the model's family."""
        self._withheld = self._withheld - {widget} if on else self._withheld | {widget}
        self.setTabVisible(self.indexOf(widget), on and self._family in self._families[widget])
        self._fit_titles()

    def select(self, title: str) -> None:
        """Bring the tab of this title to the front, if it is offered."""
        for index in range(self.count()):
            if self.tabText(index) == title and self.isTabVisible(index):
                self.setCurrentIndex(index)

    def restyle(self) -> None:
        """The theme's colours for every tab."""
        for index in range(self.count()):
            restyle = getattr(self.widget(index), "restyle", None)
            if restyle is not None:
                restyle()
