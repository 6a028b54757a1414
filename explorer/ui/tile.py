"""A tile: one lens, with its title, what it shows, and a colour bar or the value under the mouse."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from explorer.lenses.colour import palette_table
from explorer.lenses.drawable import (
    Arrows,
    Bars,
    Chart,
    Drawable,
    Fan,
    Field,
    Image,
    Map,
    Missing,
    Palette,
    Points,
    Quantities,
    Slice,
    on_show,
)
from explorer.ui import theme
from explorer.ui.bars_view import BarsView
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.linked_view import LinkedView
from explorer.ui.picture_view import PictureView
from explorer.ui.plane_view import PlaneView
from explorer.ui.quantities_view import QuantitiesView
from explorer.ui.short_text import CAPTION_CLAUSES
from explorer.ui.tile_header import TileHeader
from explorer.ui.veil import Veil
from explorer.ui.viewport import Viewport

if TYPE_CHECKING:  # plots are imported when a lens first draws one
    from explorer.ui.chart_view import ChartView
    from explorer.ui.slice_view import SliceView

V = TypeVar("V", bound=QWidget)
LEAST_WIDTH = 88
"""Of a tile, whatever its words: so that tiles side by side are equally wide."""


class ColourBar(QWidget):
    """The palette between its limits, with the numbers at both ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette: Palette | None = None
        self._limits = (0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # The limits may change at every picture: then the tile's rounded frame need not be painted below them.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        return QSize(120, 16)

    def show_palette(self, palette: Palette | None, limits: tuple[float, float]) -> None:
        if (palette, limits) != (self._palette, self._limits):
            self._palette, self._limits = palette, limits
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.current().surface))
        if self._palette is None:
            return
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        low, high = (format_number(value) for value in self._limits)
        widest = max(painter.fontMetrics().horizontalAdvance(text) for text in (low, high))
        width, room = self.width(), max(46, widest + 8)
        bar = QRectF(room, 4, max(width - 2 * room, 10), self.height() - 8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        gradient.setStops(_stops(self._palette))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(theme.current().border))  # an end may have the surface's own colour
        painter.drawRect(bar)
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(
            QRectF(0, 0, room - 5, self.height()), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, low
        )
        painter.drawText(
            QRectF(width - room + 5, 0, room - 5, self.height()),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            high,
        )


@cache
def _stops(palette: Palette) -> list[tuple[float, QColor]]:
    """The palette as a gradient: where each colour stands, from 0 to 1."""
    colours = palette_table(palette)
    return [(i / 255, QColor(*(int(c) for c in colours[i]))) for i in range(0, 256, 15)]


def format_number(value: float) -> str:
    """A limit in at most seven characters, with a true minus sign."""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.1e}"
    return text.replace("e+0", "e").replace("e-0", "e-").replace("-", "−")


class Tile(QFrame):
    """Shows a Drawable. Its object name is `lens:NAME`. placed(name, x, y): the mouse chose a place among points.
    numberMoved(name, number, value): it dragged a number."""

    placed = Signal(str, float, float)
    picked = Signal(int, int)
    """Row and column of a picture's pixel that was clicked on."""
    numberMoved = Signal(str, int, float)

    def __init__(
        self,
        name: str,
        label: str,
        formula: str,
        pictures: Viewport,
        plane: Viewport,
        parent: QWidget | None = None,
        words: str = "",
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._drawable: Drawable | None = None
        self._seen: Drawable | None = None
        """What is painted: in place of what is missing, what was there last."""
        self.setObjectName(f"lens:{name}")
        self.setProperty("role", "tile")
        self.setAccessibleName(f"Tile {name}")
        self.setToolTip("")
        self.header = TileHeader(label, words, formula)
        self._picture = PictureView(pictures)
        self._picture.picked.connect(self.picked)
        self._plane = PlaneView(plane)
        self._plane.placed.connect(lambda x, y: self.placed.emit(self.name, x, y))
        self._chart: ChartView | None = None
        self._slice: SliceView | None = None
        self._bars: BarsView | None = None
        self._quantities: QuantitiesView | None = None
        self._message = QLabel()
        self._message.setObjectName("muted")
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._stack = QStackedWidget()
        for page in (self._message, self._picture, self._plane):
            self._stack.addWidget(page)

        self._bar = ColourBar()
        self._value = ElidedLabel(on_surface=True, clauses=CAPTION_CLAUSES)
        self._value.setObjectName("muted")
        self._value.setFixedHeight(16)
        self._value.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._footer = QStackedWidget()
        self._footer.setFixedHeight(16)
        self._footer.addWidget(self._bar)
        self._footer.addWidget(self._value)

        self._veil = Veil(self._stack, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(4)
        layout.addWidget(self.header)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._footer)
        pictures.hovered.connect(self._show_value)
        plane.hovered.connect(self._show_value)
        plane.changed.connect(self._show_value)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def data(self) -> NDArray[np.float32]:
        """The array on show: (n, channels, height, width) of pictures, (n, 2) of points. Empty before the first."""
        return np.zeros(0, np.float32) if self._drawable is None else self._drawable.data

    def drawable(self) -> Drawable | None:
        """What is on show, None before the first."""
        return self._drawable

    def view(self) -> LinkedView | None:
        """The picture or the plane on show, None where there is neither."""
        page = self._stack.currentWidget()
        return page if isinstance(page, LinkedView) else None

    def show_drawable(self, drawable: Drawable) -> None:
        """Show what a lens drew; where that is nothing, what it drew last, dimmed, or why there is nothing."""
        self._drawable = drawable
        drawable, note = on_show(drawable)
        self.header.set_note(note)
        if isinstance(drawable, Missing):
            self.show_message(drawable.why)
            return
        self._seen = drawable
        self._veil.setVisible(drawable is not self._drawable)
        if isinstance(drawable, Image):
            self._picture.show_image(drawable)
            self._stack.setCurrentWidget(self._picture)
            self._bar.show_palette(drawable.palette, drawable.limits)
        elif isinstance(drawable, Chart | Slice | Bars | Quantities):
            self._show_plot(drawable)
        else:
            self._plane.show_plane(drawable)
            self._stack.setCurrentWidget(self._plane)
            self._bar.show_palette(None, (0.0, 1.0))
        self._show_value()

    def _show_plot(self, drawable: Chart | Slice | Bars | Quantities) -> None:
        """In a view that is made when a lens first needs it: that takes a while."""
        if isinstance(drawable, Chart):
            from explorer.ui.chart_view import ChartView

            self._chart = self._chart or self._added(ChartView())
            self._chart.show_drawable(drawable)
            self._stack.setCurrentWidget(self._chart)
        elif isinstance(drawable, Bars):
            self._bars = self._bars or self._added(BarsView())
            self._bars.show_drawable(drawable)
            self._stack.setCurrentWidget(self._bars)
        elif isinstance(drawable, Quantities):
            self._show_quantities(drawable)
        else:
            from explorer.ui.slice_view import SliceView

            self._slice = self._slice or self._added(SliceView())
            self._slice.show_drawable(drawable)
            self._stack.setCurrentWidget(self._slice)
        self._bar.show_palette(None, (0.0, 1.0))

    def _show_quantities(self, drawable: Quantities) -> None:
        if self._quantities is None:
            self._quantities = self._added(QuantitiesView())
            self._quantities.moved.connect(lambda number, value: self.numberMoved.emit(self.name, number, value))
        self._quantities.show_drawable(drawable)
        self._stack.setCurrentWidget(self._quantities)

    def _added(self, view: V) -> V:
        self._stack.addWidget(view)
        return view

    def show_message(self, text: str) -> None:
        """Show a sentence in place of a picture."""
        self._seen = None
        self._veil.hide()
        self._message.setText(text)
        self._stack.setCurrentWidget(self._message)
        self._bar.show_palette(None, (0.0, 1.0))
        self._show_value()

    def clear(self, text: str = "") -> None:
        """Forget what is on show."""
        self._drawable = None
        self.header.set_note("")
        self._picture.clear()
        self._plane.clear()
        for view in (self._chart, self._slice, self._bars, self._quantities):
            if view is not None:
                view.clear_drawable()
        self.show_message(text)

    def dissolve(self) -> None:
        """Part with the plots: their menus are windows of their own, which Qt does not delete with the tile."""
        for view in (self._chart, self._slice):
            if view is not None:
                self._stack.removeWidget(view)
                view.close()
        self._chart = self._slice = None

    def restyle(self) -> None:
        """Paint again in a new theme."""
        if self._drawable is not None:
            self.show_drawable(self._drawable)

    def _show_value(self) -> None:
        """The value under the mouse; without one the colour bar, or what the points and arrows mean."""
        view = self._stack.currentWidget()
        text = view.value_at_hover() if isinstance(view, PictureView | PlaneView) else ""
        if not text and isinstance(view, PlaneView):
            text = view.selected()
        if not text and isinstance(self._seen, Points | Arrows | Fan | Field | Map | Chart | Quantities):
            text = self._seen.caption
        elif isinstance(self._seen, Slice):
            from explorer.ui.slice_view import words

            text = words(self._seen)
        self._value.setText(text)
        self._footer.setCurrentWidget(self._value if text else self._bar)
        plot = isinstance(self._seen, Chart | Slice | Bars | Quantities)
        self._footer.setVisible(bool(text) or not plot)  # a plot has no colours to explain
