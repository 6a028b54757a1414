"""A row that starts and stops a measurement: how many samples, Measure, Stop, and how far it is."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSpinBox, QVBoxLayout, QWidget


class MeasureRow(QWidget):
    """name: what its controls' object names begin with. what: the tooltip of Measure."""

    measureClicked = Signal(int)
    """How many samples."""
    stopClicked = Signal()

    def __init__(self, name: str, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._samples = QSpinBox()
        self._samples.setObjectName(f"{name}SamplesSpin")
        self._samples.setAccessibleName("Samples to measure on")
        self._samples.setToolTip("How many of the model's samples x₀ are averaged over: the error falls as 1/√n")
        self._samples.setKeyboardTracking(False)
        self._measure = QPushButton("Measure")
        self._measure.setObjectName(f"{name}Button")
        self._measure.setAccessibleName(what)
        self._measure.setToolTip(f"{what}. Looking, dragging and running go on meanwhile.")
        self._stop = QPushButton("Stop")
        self._stop.setObjectName(f"{name}StopButton")
        self._stop.setAccessibleName("Stop measuring")
        self._stop.setToolTip("End with what is known")
        self._measure.clicked.connect(lambda: self.measureClicked.emit(self._samples.value()))
        self._stop.clicked.connect(self.stopClicked)
        self._progress = QProgressBar()
        self._progress.setObjectName(f"{name}Progress")
        self._progress.setAccessibleName("How much is measured")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress.setFixedHeight(4)
        keep_room = self._progress.sizePolicy()
        keep_room.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep_room)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(QLabel("Samples"))
        row.addWidget(self._samples, 1)
        row.addWidget(self._measure)
        row.addWidget(self._stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self._progress)
        self.set_running(False)

    def set_samples(self, held: int, usual: int) -> None:
        """How many there are, and how many are measured unless another number is chosen."""
        with QSignalBlocker(self._samples):
            self._samples.setRange(min(1, held), held)
            self._samples.setValue(min(held, usual))
        self.set_running(False)

    def set_running(self, running: bool) -> None:
        """Whether something is being measured."""
        self._measure.setEnabled(not running and self._samples.maximum() > 0)
        self._stop.setEnabled(running)
        self._progress.setVisible(running)
        self._progress.setValue(0)

    def set_fraction(self, fraction: float) -> None:
        """How far it is, 0 … 1."""
        self._progress.setValue(round(1000 * fraction))
