"""The bottom line: what goes on, how far it is, and a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar, QWidget

from explorer.ui.elided_label import ElidedLabel

BUSY_SHOWN_AFTER_MS = 500
BETWEEN = "   ·   "
KEYS = BETWEEN.join(("Space  play", "← →  step", "R  new noise", "B  branch", "F1  tour", "?  all keys"))


class StatusLine(QObject):
    """Fills a QStatusBar. Progress appears for what takes longer than half a second."""

    cancelClicked = Signal()

    def __init__(self, bar: QStatusBar) -> None:
        super().__init__(bar)
        self._message = QLabel()
        self._message.setObjectName("statusMessage")
        self._message.setAccessibleName("Status")
        self._progress = QProgressBar()
        self._progress.setObjectName("progressBar")
        self._progress.setAccessibleName("Progress")
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(140)
        self._progress.hide()
        self._cancel = QPushButton("Cancel")
        self._cancel.setObjectName("cancelButton")
        self._cancel.setAccessibleName("Cancel what is going on")
        self._cancel.clicked.connect(self.cancelClicked)
        self._cancel.hide()
        self._cancellable = False
        self._part: float | None = None
        self._keys = ElidedLabel(clauses=(BETWEEN,))
        self._keys.setObjectName("muted")
        self._keys.setAccessibleName("Keys")
        self._keys.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 8, 0)
        bar.addWidget(self._message, 1)
        bar.addPermanentWidget(self._keys, 2)
        gap = QWidget()
        gap.setFixedWidth(6)
        bar.addPermanentWidget(gap)
        bar.addPermanentWidget(self._progress)
        bar.addPermanentWidget(self._cancel)
        self._slow = QTimer(self, singleShot=True, interval=BUSY_SHOWN_AFTER_MS)
        self._slow.timeout.connect(self._show_progress)

    def say(self, text: str) -> None:
        """What goes on, in a few words."""
        self._message.setText(text)

    def text(self) -> str:
        """What it says."""
        return self._message.text()

    def show_keys(self, shown: bool) -> None:
        """Whether the keys are named that a person needs first."""
        self._keys.setText(KEYS if shown else "")

    def set_busy(self, busy: bool) -> None:
        """Whether anything goes on."""
        if self._part is not None:
            return  # how far that is is known, and says more
        if busy:
            self._slow.start()
        else:
            self._slow.stop()
            self._progress.hide()
            self._cancel.hide()

    def set_cancellable(self, cancellable: bool) -> None:
        """Whether what goes on can be stopped."""
        self._cancellable = cancellable
        if self._part is None and not self._progress.isHidden():
            self._cancel.setVisible(cancellable)

    def set_part(self, part: float | None) -> None:
        """How much is done, 0 … 1, of something that can be stopped; None where it is over."""
        self._part = part
        self._slow.stop()
        self._progress.setVisible(part is not None)
        self._cancel.setVisible(part is not None)
        if part is not None:
            self._progress.setRange(0, 1000)
            self._progress.setValue(round(1000 * part))

    def _show_progress(self) -> None:
        self._progress.setRange(0, 0)
        self._progress.show()
        self._cancel.setVisible(self._cancellable)
