"""Where x_t comes from, and how many of them there are: a group of the choices panel."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from explorer.facts import ModelFacts
from explorer.state import State, max_count
from explorer.ui.controls import MOST, combo, row, tool, whole
from explorer.ui.field_column import section
from explorer.ui.icons import icon

SOURCES = {
    "diffusion": {"forward": "Forward: data + noise", "reverse": "Reverse: a sampler's run"},
    "chain": {"forward": "Forward: encode data", "reverse": "Reverse: from the prior"},
}
"""The words of the source's entries, by the model's family."""


class SourceChoices(QWidget):
    """Shows a State's source, sample, noise and count. changed(dict): the fields of State the user set."""

    changed = Signal(dict)
    redrawClicked = Signal()
    pictureClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: ModelFacts | None = None
        self._source = combo("sourceCombo", "Source of x_t", "Noise data forward, or follow a reverse run")
        for data, words in SOURCES["diffusion"].items():
            self._source.addItem(words, data)
        self._source.currentIndexChanged.connect(lambda _: self.changed.emit({"source": self._source.currentData()}))
        self._sample = whole("imageSampleSpin", "Data sample", "Which picture of the data is x₀")
        self._sample.valueChanged.connect(lambda value: self.changed.emit({"sample": value, "picture": None}))
        self._picture = tool("pictureButton", "open", "Use a picture of your own as x₀ (or drop one on the window)")
        self._picture.clicked.connect(self.pictureClicked)
        self._picture_name = QPushButton()
        self._picture_name.setObjectName("pictureClearButton")
        self._picture_name.setToolTip("Go back to the model's own data")
        self._picture_name.clicked.connect(lambda: self.changed.emit({"picture": None}))
        self._picture_name.hide()
        self._noise_seed = whole("noiseSeedSpin", "Noise seed", "ε is locked by this number", MOST)
        self._noise_seed.valueChanged.connect(lambda value: self.changed.emit({"noise_seed": value}))
        self._redraw = tool("redrawButton", "dice", "Draw new noise ε (R)")
        self._redraw.clicked.connect(self.redrawClicked)
        self._count = whole("countSpin", "Samples at once", "How many samples are shown side by side")
        self._count.setMinimum(1)
        self._count.valueChanged.connect(lambda value: self.changed.emit({"count": value}))
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self._form = section(layout, "Where x<sub>t</sub> comes from")
        self._sample_row = row(self._sample, self._picture)
        self._noise_row = row(self._noise_seed, self._redraw)
        self._form.addRow(self._source)
        self._form.addRow("Sample", self._sample_row)
        self._form.addRow(self._picture_name)
        self._form.addRow("Noise seed", self._noise_row)
        self._form.addRow("At once", self._count)

    def set_facts(self, facts: ModelFacts) -> None:
        """Offer what a model has."""
        self._facts = facts
        for data, words in SOURCES[facts.family].items():
            self._source.setItemText(self._source.findData(data), words)
        with QSignalBlocker(self._sample), QSignalBlocker(self._count):
            self._sample.setMaximum(max(facts.sample_count - 1, 0))
            self._count.setMaximum(max_count(facts))
            self._count.setSingleStep(1 if facts.on_grid else 1000)

    def set_state(self, state: State) -> None:
        """Show the user's choices without emitting any."""
        blocked = [QSignalBlocker(w) for w in (self._source, self._sample, self._noise_seed, self._count)]
        self._source.setCurrentIndex(self._source.findData(state.source))
        self._sample.setValue(state.sample)
        self._noise_seed.setValue(state.noise_seed)
        self._count.setValue(state.count)
        del blocked
        self._picture_name.setVisible(state.picture is not None)
        self._picture_name.setText(f"✕  {Path(state.picture or '').name}")
        forward, facts = state.source == "forward", self._facts
        self._sample.setEnabled(forward and facts is not None and facts.kind != "points" and facts.sample_count > 0)
        self._picture.setEnabled(forward and facts is not None and facts.on_grid)
        # A run has its own seed and no x₀: its parameters need the room.
        self._form.setRowVisible(self._sample_row, forward)
        self._form.setRowVisible(self._noise_row, forward)
        self._noise_seed.setEnabled(forward)
        self._redraw.setEnabled(forward)

    def restyle(self) -> None:
        """Icons in the theme's colours."""
        self._picture.setIcon(icon("open"))
        self._redraw.setIcon(icon("dice"))
