"""The upper part of the Model tab: probe the network, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.engine.probe_frame import Probed
from explorer.ui.compute_row import ComputeRow
from explorer.ui.elided_label import ElidedLabel

LEAD = "Noises known pictures and finds out which conventions the network itself follows."
TIP = (
    "Pictures that are known get noise of several levels. Each hypothesis (what the output means, value range, "
    "schedule, time index) is scored by the error of x̂₀, over the same pictures and noise."
)
RESIDUAL = "Error of x̂₀ over that of the best linear guess: below 1 the network knows more than the pictures' variance"
COLUMNS = ("output", "range", "schedule", "residual")
KINDS = {"eps": "ε", "v": "v", "x0": "x₀", "flow": "û", "score": "score"}


class ProbeView(QWidget):
    """Shows what it is told; says what the user wants."""

    probeClicked = Signal()
    stopClicked = Signal()
    useClicked = Signal(object)
    """A Probed whose values are to be used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Probed | None = None
        self.row = ComputeRow("probe", "Probe", "Probe the network's conventions", TIP, "End without a result")
        self.row.startClicked.connect(self.probeClicked)
        self.row.stopClicked.connect(self.stopClicked)
        self._use = QPushButton("Use probed values")
        self._use.setObjectName("probeUseButton")
        self._use.setAccessibleName("Use the probed values")
        self._use.setToolTip("Keep what the probe found in the model's card, and open the model with it")
        self._use.clicked.connect(self._use_found)
        self.sentence = QLabel(LEAD)
        self.sentence.setObjectName("muted")
        self.sentence.setAccessibleName("What the probe found")
        self.sentence.setWordWrap(True)
        self._table = QWidget()
        self._table.setObjectName("probeTable")
        self._table.setAccessibleName("Hypotheses, the best first")
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        self._note = QLabel()
        self._note.setObjectName("muted")
        self._note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.sentence)
        for widget in (self.row, self._use, self._table, self._note):
            layout.addWidget(widget)
        self.drop()

    def show_probed(self, found: Probed) -> None:
        """The sentence and the table."""
        self._found = found
        wrong = bool(found.contradictions)
        self._say(found.sentence, "alert" if wrong else "boundSummary")
        self._use.setVisible(any(verdict.value is not None for verdict in found.contradictions))
        self._clear_table()
        for column, head in enumerate(COLUMNS):
            self._cell(0, column, head, RESIDUAL if head == "residual" else "", "muted")
        line = QFrame()
        line.setObjectName("tableLine")
        line.setFixedHeight(1)
        self._grid.addWidget(line, 1, 0, 1, len(COLUMNS))
        for row, entry in enumerate(found.rows, 2):
            mark = " ◂" if entry.in_force else ""
            tip = f"log residual {entry.behind:+.3f} ± {entry.error:.3f} behind the best; time index {entry.time}"
            texts = (
                KINDS[entry.prediction] + mark,
                entry.value_range,
                entry.schedule + ("" if entry.time == "as stated" else f", t {entry.time}"),
                f"{entry.residual:.3f}",
            )
            for column, text in enumerate(texts):
                self._cell(row, column, text, tip, "", entry.best)
        self._note.setText(f"◂ as the model is open now. From {found.pictures}.")
        self._table.show()
        self._note.show()

    def drop(self) -> None:
        """Nothing is known."""
        self._found = None
        self._say(LEAD, "muted")
        self._use.hide()
        self._clear_table()
        self._table.hide()
        self._note.hide()
        self.row.set_running(False)

    def _use_found(self) -> None:
        if self._found is not None:
            self.useClicked.emit(self._found)

    def _say(self, text: str, name: str) -> None:
        self.sentence.setText(text)
        self.sentence.setObjectName(name)
        self.sentence.style().polish(self.sentence)

    def _clear_table(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _cell(self, row: int, column: int, text: str, tip: str, name: str, strong: bool = False) -> None:
        label: QLabel = ElidedLabel(text) if column == 2 else QLabel(text)
        label.setObjectName(name)
        if tip:
            label.setToolTip(tip)
        if column == len(COLUMNS) - 1:
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        font = label.font()
        font.setBold(strong)
        label.setFont(font)
        self._grid.addWidget(label, row, column)
