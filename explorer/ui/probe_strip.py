"""A strip above everything where the network contradicts what its files say, until the user has decided."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from explorer.engine.probe_frame import Probed


class ProbeStrip(QFrame):
    """Hidden while there is nothing to say."""

    useClicked = Signal(object)
    """A Probed."""
    tableClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("probeStrip")
        self.setAccessibleName("The network contradicts its files")
        self._found: Probed | None = None
        self.text = QLabel()
        self.text.setWordWrap(True)
        table = QPushButton("Show table")
        table.setObjectName("showProbeButton")
        table.setAccessibleName("Show what the probe found")
        table.setToolTip("The tab Model, with every hypothesis and its score")
        table.clicked.connect(self.tableClicked)
        self._use_button = use = QPushButton()
        use.setObjectName("useProbedButton")
        use.setAccessibleName("Use the probed values")
        use.setToolTip("Keep what the probe found in the model's card, and open the model with it")
        use.clicked.connect(self._use)
        dismiss = QPushButton("Dismiss")
        dismiss.setObjectName("dismissProbeButton")
        dismiss.setAccessibleName("Keep what the files say")
        dismiss.setToolTip("Go on with what the files say")
        dismiss.clicked.connect(self.drop)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(self.text, 1)
        layout.addWidget(table)
        layout.addWidget(use)
        layout.addWidget(dismiss)
        self.hide()

    def show_probed(self, found: Probed) -> None:
        """Shown where there is a contradiction."""
        self._found = found
        self.text.setText(found.headline)
        self._use_button.setText("Use probed value" if len(found.contradictions) == 1 else "Use probed values")
        self.setVisible(any(verdict.value is not None for verdict in found.contradictions))

    def drop(self) -> None:
        """Nothing to say."""
        self._found = None
        self.hide()

    def _use(self) -> None:
        if self._found is not None:
            self.useClicked.emit(self._found)
