"""Which of several sets of weights is in use: the running mean of training (EMA), raw ones, half precision …"""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from explorer.facts import ModelFacts

TIP = "The set of weights in use: ema is the running mean of training, raw what training ended with"


class WeightsChoice(QComboBox):
    """Shows what a model has; says what the user chooses."""

    chosen = Signal(str, object)
    """“weights”, the name of the set"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weightsCombo")
        self.setAccessibleName("Set of weights")
        self.setToolTip(TIP)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.currentTextChanged.connect(lambda name: self.chosen.emit("weights", name))

    def set_facts(self, facts: ModelFacts | None) -> None:
        """The sets of a model, and the one in use."""
        with QSignalBlocker(self):
            self.clear()
            if facts is not None and facts.weight_sets:
                self.addItems(facts.weight_sets)
                self.setCurrentText(facts.weights)
