"""The guided tour in the window: a strip above everything with one stop at a time, and what sets a stop up."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShortcut, QTextDocument
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from explorer.paths import CHECKPOINTS
from explorer.ui.controls import button, named
from explorer.ui.icons import icon
from explorer.ui.session import Session
from explorer.ui.session.opener import first_state
from explorer.ui.side_panel import SidePanel
from explorer.ui.tour_stops import STOPS, Stop

MARGIN = 12


class TourStrip(QFrame):
    """chosen(index) when the user goes to a stop, endClicked when they have had enough."""

    chosen = Signal(int)
    endClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tourStrip")
        self.setAccessibleName("Guided tour")
        self._stops = named(QComboBox(), "tourStopCombo", "Stop of the tour", "All stops of the tour")
        self._stops.addItems([f"{i} · {stop.title}" for i, stop in enumerate(STOPS, 1)])
        self._stops.activated.connect(self.chosen)
        self._formula = QLabel()
        self._formula.setObjectName("tourFormula")
        self._formula.setTextFormat(Qt.TextFormat.RichText)
        self._text = QLabel()
        self._text.setObjectName("tourText")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._back = button("tourBackButton", "Back", "The stop before (Page Up)")
        self._next = button("tourNextButton", "Next", "The next stop (Page Down)")
        for key, turn in ((Qt.Key.Key_PageUp, self._back), (Qt.Key.Key_PageDown, self._next)):
            QShortcut(key, self).activated.connect(turn.click)  # what a presenter's remote sends
        self._again = button("tourAgainButton", "Set up again", "Everything as this stop began")
        self._back.clicked.connect(lambda: self.chosen.emit(self._stops.currentIndex() - 1))
        self._next.clicked.connect(lambda: self.chosen.emit(self._stops.currentIndex() + 1))
        self._again.clicked.connect(lambda: self.chosen.emit(self._stops.currentIndex()))
        self._end = end = named(QToolButton(), "tourEndButton", "End the tour", "What is open stays; F1 goes on here")
        end.setIcon(icon("close"))
        end.clicked.connect(self.endClicked)
        self._buttons = buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for widget in (self._again, self._back, self._next, end):
            buttons.addWidget(widget)
        self._layout = layout = QGridLayout(self)
        layout.setContentsMargins(MARGIN, 6, MARGIN, 8)
        layout.setHorizontalSpacing(16)
        layout.setVerticalSpacing(6)
        layout.addWidget(self._stops, 0, 0)
        layout.addWidget(self._formula, 0, 1)
        layout.addLayout(buttons, 0, 2)
        layout.addWidget(self._text, 1, 0, 1, 3)
        layout.setColumnStretch(1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Room for the longest text, so that nothing jumps from stop to stop."""
        super().resizeEvent(event)
        metrics, room = self._text.fontMetrics(), self.contentsRect().adjusted(MARGIN, 0, -MARGIN, 0)
        heights = (metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, stop.text).height() for stop in STOPS)
        self._text.setMinimumHeight(max(heights))
        # Formulas stand beside the titles, or below the texts where that is too narrow for one of them.
        taken = self._stops.sizeHint().width() + self._buttons.sizeHint().width()
        beside = self._widest_formula() <= self.width() - 2 * (MARGIN + self._layout.horizontalSpacing()) - taken
        self._layout.addWidget(self._formula, *((0, 1, 1, 1) if beside else (2, 0, 1, 3)))

    def _widest_formula(self) -> float:
        """In pixels, with a little to spare."""
        shown = QTextDocument()
        shown.setDefaultFont(self._formula.font())
        shown.setDocumentMargin(4)
        widths = []
        for stop in STOPS:
            shown.setHtml(stop.formula)
            widths.append(shown.idealWidth())
        return max(widths)

    def restyle(self) -> None:
        """The icon in the theme's colours."""
        self._end.setIcon(icon("close"))

    @property
    def at(self) -> int:
        """The stop on show, or shown last."""
        return self._stops.currentIndex()

    def show_stop(self, index: int) -> None:
        """A stop's words."""
        with QSignalBlocker(self._stops):
            self._stops.setCurrentIndex(index)
        self._formula.setText(STOPS[index].formula)
        self._text.setText(STOPS[index].text)
        self._back.setEnabled(index > 0)
        self._next.setEnabled(index < len(STOPS) - 1)


class Tour(QObject):
    """Goes from stop to stop: opens the stop's model where it is not open, then makes the stop's choices."""

    def __init__(self, session: Session, side: SidePanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._side = side
        self._awaited: Stop | None = None
        self.strip = TourStrip()
        self.strip.chosen.connect(self.go)
        self.strip.endClicked.connect(self.end)
        session.opened.connect(self._arrive)
        session.failed.connect(self._forget)

    def go(self, index: int) -> None:
        """To a stop, whatever is on show."""
        stop = STOPS[index]
        self.strip.show_stop(index)
        self.strip.show()
        self._awaited = stop
        path = CHECKPOINTS / stop.model
        if self._is_open(path):
            self._arrive()
        else:
            self._session.open(str(path))

    def end(self) -> None:
        """What is open stays."""
        self._awaited = None
        self.strip.hide()

    def _is_open(self, path: Path) -> bool:
        facts = self._session.facts
        return facts is not None and Path(facts.path) == path

    def _forget(self) -> None:
        self._awaited = None

    def _arrive(self) -> None:
        """The model is open: make the choices, unless it is one that somebody opened in between."""
        stop, self._awaited = self._awaited, None
        facts = self._session.facts
        if stop is None or facts is None or not self._is_open(CHECKPOINTS / stop.model):
            return
        first = first_state(self._session.state, facts)
        choices = {f.name: getattr(first, f.name) for f in fields(first) if f.name not in ("model", "device")}
        choices |= {"noise_seed": 0, "sampler_seed": 0, **stop.choices}
        self._side.select(stop.tab)
        if stop.plays:
            del choices["source"]
            self._session.set_up(choices, stop.start, "")
        else:
            self._session.pause()
            self._session.start = stop.start
            self._session.change(**choices)
