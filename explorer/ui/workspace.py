"""The page of an open model: the choices on the left, tiles in the centre, plots on the right, the timeline below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from explorer.facts import ModelFacts
from explorer.ui.choices import Choices
from explorer.ui.compare_bar import CompareBar
from explorer.ui.edit_menu import EditButton
from explorer.ui.grid_view import GridView
from explorer.ui.latent_choices import LatentChoices
from explorer.ui.latents import Latents
from explorer.ui.second_model import SecondModelBar
from explorer.ui.session import Session
from explorer.ui.side_panel import SidePanel
from explorer.ui.tile import Tile
from explorer.ui.tiles import Tiles
from explorer.ui.timeline import Timeline

if TYPE_CHECKING:
    from explorer.ui.curves import Curves

CHOICES_WIDTH = 268
"""Room for the longest name of a sampler."""
NARROW = 1120
"""Pixels: in a window narrower than that both sides give room to the tiles."""
NARROW_CHOICES = 256
SIDE_SHARE, SIDE_MOST = 0.22, 320
"""Of the window's width, and in pixels: how much the right side gets."""


class Workspace(QWidget):
    """The parts and where they lie. What they show is the business of `Showing`."""

    curves: Curves
    """The plots over t, see `add_plots`."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choices = Choices()
        self.choices.setMinimumWidth(NARROW_CHOICES)
        self.tiles = Tiles()
        self.grid = GridView()
        self.side = SidePanel()
        self.second = SecondModelBar(session)
        self.timeline = Timeline()
        self.compare = CompareBar(session, self.timeline.tree)
        self.timeline.add(self.compare)
        self.edit = EditButton(session, self.x_t_tile, self.tiles.pictures, self.tiles.plane)
        self.timeline.add(self.edit, after_branch=True)
        self.latent_choices = LatentChoices(Latents(session, self.tiles, self))
        self.latent_choices.changed.connect(lambda changes: session.change(**changes))
        self.choices.add(self.latent_choices)
        self._lay_out()
        self._columns_kept = False

    def add_plots(self) -> None:
        """The first tab: after the window was painted, since pyqtgraph takes half a second to import."""
        from explorer.ui.curves import Curves

        self.curves = Curves()
        self.side.add(self.curves, "Plots", "Schedule, signal-to-noise ratio and the run, over t")

    def _lay_out(self) -> None:
        self._centre = QStackedWidget()
        self._centre.addWidget(self.tiles)
        self._centre.addWidget(self.grid)
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        self._columns.setChildrenCollapsible(False)
        self._columns.setHandleWidth(8)
        centre = QWidget()
        around = QVBoxLayout(centre)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(6)
        around.addWidget(self.second)
        around.addWidget(self._centre, 1)
        for widget in (self.choices, centre, self.side):
            self._columns.addWidget(widget)
        self._columns.setStretchFactor(1, 1)
        self._columns.splitterMoved.connect(self._keep_columns)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._columns, 1)
        layout.addWidget(self.timeline)

    def show_family(self, facts: ModelFacts) -> None:
        """Only what fits the open model is there to be chosen."""
        chain = facts.family == "chain"
        self.side.show_family(facts.family)
        self.share_columns(self.width())
        self.timeline.set_levels(facts.T if chain else 0)
        self.edit.setVisible(not chain)
        self.latent_choices.set_facts(facts)

    def x_t_tile(self) -> Tile | None:
        """The tile of x_t, None where it is not on show."""
        return self.tiles.tile("x_t") if "x_t" in self.tiles.names() else None

    def show_tiles(self) -> None:
        """The tiles in the centre."""
        self._centre.setCurrentWidget(self.tiles)

    def show_grid(self) -> None:
        """The grid of runs in the centre."""
        self._centre.setCurrentWidget(self.grid)

    @property
    def grid_shown(self) -> bool:
        return self._centre.currentWidget() is self.grid

    def restyle(self) -> None:
        """The theme's colours."""
        for part in (self.choices, self.timeline, self.edit, self.side, self.tiles, self.grid):
            part.restyle()

    def columns(self) -> QByteArray | None:
        """How wide the user made the columns, to be kept; None where they follow the window."""
        return self._columns.saveState() if self._columns_kept else None

    def restore_columns(self, state: QByteArray | None) -> None:
        """As they were kept; None for nothing kept."""
        self._columns_kept = state is not None and self._columns.restoreState(state)

    def share_columns(self, width: int) -> None:
        """Where the user chose nothing: the tiles get most of whatever room there is in a window of a width."""
        if self._columns_kept:
            return
        left = CHOICES_WIDTH if width >= NARROW else NARROW_CHOICES
        right = max(min(round(SIDE_SHARE * width), SIDE_MOST), self.side.least_width())
        self._columns.setSizes([left, width - left - right, right])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.share_columns(event.size().width())

    def _keep_columns(self) -> None:
        self._columns_kept = True
