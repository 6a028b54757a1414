"""The upper part of the Model tab: probe the network, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from explorer.engine.probe_frame import Probed
from explorer.ui.compute_row import ComputeRow
from explorer.ui.controls import named
from explorer.ui.icons import icon
from explorer.ui.probe_table import ProbeTable

LEAD = "Adds noise to known samples and finds out which conventions the network itself follows."
TIP = (
    "Pictures that are known get noise of several levels. Each hypothesis (what the output means, value range, "
    "schedule, time index) is scored by the error of x̂₀, over the same pictures and noise."
)
PICTURES_TIP = (
    "Probe with the pictures of a folder, such as the model was trained on, where it has none of its own. "
    "Eight or more allow the finest questions."
)


class ProbeView(QWidget):
    """Shows what it is told; says what the user wants."""

    probeClicked = Signal()
    folderChosen = Signal(str)
    """A folder of pictures to probe with."""
    stopClicked = Signal()
    useClicked = Signal(object)
    """A Probed whose values are to be used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Probed | None = None
        self.row = ComputeRow(
            "probe", "Probe", "Probe the network's conventions", TIP, "End without a result", keeps_room=False
        )
        self.row.startClicked.connect(self.probeClicked)
        self.row.stopClicked.connect(self.stopClicked)
        self._use = named(
            QPushButton("Use probed values"),
            "probeUseButton",
            "Use the probed values",
            "Keep what the probe found in the model's card, and open the model with it",
        )
        self._use.clicked.connect(self._use_found)
        self.sentence = QLabel(LEAD)
        self.sentence.setObjectName("muted")
        self.sentence.setAccessibleName("What the probe found")
        self.sentence.setWordWrap(True)
        self._folder = QToolButton()
        self._folder.setObjectName("probeFolderButton")
        self._folder.setIcon(icon("open"))
        self._folder.setAccessibleName("Probe with the pictures of a folder")
        self._folder.setToolTip(PICTURES_TIP)
        self._folder.clicked.connect(self._choose_folder)
        self._table = ProbeTable()
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.row, 1)
        buttons.addWidget(self._folder, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.sentence)
        layout.addWidget(self._use)
        layout.addLayout(buttons)
        layout.addWidget(self._table)
        self.drop()

    def show_probed(self, found: Probed) -> None:
        """The sentence and the table."""
        self._found = found
        wrong = len(found.contradictions)
        several = f"The network contradicts {wrong} facts."  # which ones, the table says
        self._say(several if wrong > 1 else found.sentence, "alert" if wrong else "boundSummary")
        self._use.setText("Use probed value" if wrong == 1 else "Use probed values")
        self._use.setVisible(any(verdict.value is not None for verdict in found.contradictions))
        self._table.show_probed(found)
        self._table.show()

    def set_running(self, running: bool) -> None:
        """Whether the network is probed."""
        self.row.set_running(running)
        self._folder.setEnabled(not running)

    def drop(self) -> None:
        """Nothing is known."""
        self._found = None
        self._say(LEAD, "muted")
        self._use.hide()
        self._table.clear()
        self._table.hide()
        self.set_running(False)

    def _use_found(self) -> None:
        if self._found is not None:
            self.useClicked.emit(self._found)

    def _say(self, text: str, name: str) -> None:
        self.sentence.setText(text.replace(" … ", "\u00a0…\u00a0"))  # the ends of a range stay together
        self.sentence.setObjectName(name)
        self.sentence.style().polish(self.sentence)

    def restyle(self) -> None:
        """The theme's colours."""
        self._folder.setIcon(icon("open"))

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Probe with the pictures in a folder")
        if path:
            self.folderChosen.emit(path)
