"""What starts and stops something that takes a while: two buttons, a line that fills, and what is being done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from explorer.ui.controls import named
from explorer.ui.elided_label import ElidedLabel

PROGRESS_HEIGHT = 4


class ComputeRow(QWidget):
    """name: what its controls' object names begin with. verb: on the button that starts it. what: what it does, for
    those who cannot see it. tip: the same at more length. stop_tip: what is left when it is stopped.

    beside: what stands left of the buttons, None for a gap, each with its stretch; without that the buttons share the
    width. words: whether there is a line for what is being done. keeps_room: that and the line that fills have their
    place for good once they were there, so that nothing moves when the next one starts.
    """

    startClicked = Signal()
    stopClicked = Signal()

    def __init__(
        self,
        name: str,
        verb: str,
        what: str,
        tip: str,
        stop_tip: str = "End with what is known",
        beside: Sequence[tuple[QWidget | None, int]] = (),
        words: bool = True,
        keeps_room: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._running, self._possible = False, True
        self.start = named(QPushButton(verb), f"{name}Button", what, tip)
        self.start.clicked.connect(self.startClicked)
        self.stop = named(QPushButton("Stop"), f"{name}StopButton", f"Stop: {what[0].lower()}{what[1:]}", stop_tip)
        self.stop.clicked.connect(self.stopClicked)
        self._progress = QProgressBar()
        self._progress.setObjectName(f"{name}Progress")
        self._progress.setAccessibleName("How much is done")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress.setFixedHeight(PROGRESS_HEIGHT)
        self._status = ElidedLabel(parent=self)  # without a parent it would be shown as a window, and take the focus
        self._status.setObjectName("boundStatus")
        self._words, self._keeps_room = words, keeps_room
        self._status.hide()  # to be shown before it has a parent would make it a window of its own
        row = QHBoxLayout()
        row.setSpacing(6)
        for widget, stretch in beside:
            row.addStretch(stretch) if widget is None else row.addWidget(widget, stretch)
        for button in (self.start, self.stop):
            row.addWidget(button, 0 if beside else 1)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addLayout(row)
        self._layout.addWidget(self._progress)
        self._layout.addWidget(self._status)
        self._used = False
        self.set_running(False)

    @property
    def running(self) -> bool:
        """Whether something is being done."""
        return self._running

    def add_under(self, widget: QWidget) -> None:
        """Put something under the buttons, above the line that fills."""
        self._layout.insertWidget(1, widget)

    def set_possible(self, possible: bool) -> None:
        """Whether there is anything to start."""
        self._possible = possible
        self.start.setEnabled(possible and not self._running)

    def set_running(self, running: bool) -> None:
        """Whether something is being done; what was said of it is gone."""
        self._running = running
        self.start.setEnabled(self._possible and not running)
        self.stop.setEnabled(running)
        if running and not self._used:
            self._make_room()
        self._progress.setVisible(running)
        if not self._keeps_room:
            self._status.setVisible(running and self._words)
        self._progress.setValue(0)
        self.say("")

    def _make_room(self) -> None:
        """For what is being done and what was: not before there is any, and then for good, so that nothing moves."""
        self._used = True
        if not self._keeps_room:
            return
        keep_room = self._progress.sizePolicy()
        keep_room.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep_room)
        self._status.setVisible(self._words)

    def set_progress(self, fraction: float, doing: str = "") -> None:
        """How far it is, 0 … 1, and what is being done."""
        self._progress.setValue(round(1000 * fraction))
        self.say(doing)

    @property
    def said(self) -> str:
        """What is being done, or what was."""
        return self._status.text()

    def say(self, text: str) -> None:
        """Say what is being done, or what was."""
        if text and not self._used:
            self._make_room()
        self._status.setText(text)
