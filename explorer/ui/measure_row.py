"""A row that starts and stops a measurement on so many of the model's samples."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QSpinBox, QWidget

from explorer.ui.compute_row import ComputeRow
from explorer.ui.controls import named

SAMPLES_TIP = "How many of the model's samples x₀ are averaged over: the error falls as 1/√n"

SPIN_LEAST = 72
"""Pixels, for “n = 999”: the row is to fit into a narrow tab."""


class MeasureRow(ComputeRow):
    """name: what its controls' object names begin with. what: what Measure does."""

    measureClicked = Signal(int)
    """How many samples."""

    def __init__(self, name: str, what: str, parent: QWidget | None = None) -> None:
        self._samples = samples_spin(f"{name}SamplesSpin", SAMPLES_TIP)
        tip = f"{what}. Looking, dragging and running go on meanwhile."
        self._samples.setPrefix("n = ")
        self._samples.setMinimumWidth(SPIN_LEAST)
        beside = ((self._samples, 1),)
        super().__init__(name, "Measure", what, tip, beside=beside, words=False, parent=parent)
        self.startClicked.connect(lambda: self.measureClicked.emit(self._samples.value()))

    def set_samples(self, held: int, usual: int) -> None:
        """How many there are, and how many are measured unless another number is chosen."""
        set_samples(self._samples, held, usual)
        self.set_possible(held > 0)


def samples_spin(name: str, tip: str) -> QSpinBox:
    """Chooses how many samples something is measured on."""
    spin = named(QSpinBox(), name, "Samples to measure on", tip)
    spin.setKeyboardTracking(False)
    return spin


def set_samples(spin: QSpinBox, held: int, usual: int) -> None:
    """How many there are, and how many are measured unless another number is chosen."""
    with QSignalBlocker(spin):
        spin.setRange(min(1, held), held)
        spin.setValue(min(held, usual))
