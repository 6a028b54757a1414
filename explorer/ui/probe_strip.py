"""A strip above everything where the network contradicts what its files say, until the user has decided."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.engine.probe_frame import Probed
from explorer.ui.strip import Choice, Strip


class ProbeStrip(Strip):
    """Hidden while there is nothing to say."""

    useClicked = Signal(object)
    """A Probed."""
    tableClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        do = Choice(
            "Use probed value",
            "useProbedButton",
            "Use the probed values",
            "Keep what the probe found in the model's card, and open the model with it",
        )
        leave = Choice("Dismiss", "dismissProbeButton", "Keep what the files say", "Go on with what the files say")
        super().__init__("probeStrip", "The network contradicts its files", "", do, leave, parent)
        self._found: Probed | None = None
        table = Choice(
            "Show table",
            "showProbeButton",
            "Show what the probe found",
            "The tab Model, with every hypothesis and its score",
        )
        self.add(table).clicked.connect(self.tableClicked)
        self.do.clicked.connect(self._use)
        self.leave.clicked.connect(self.drop)
        self.hide()

    def show_probed(self, found: Probed) -> None:
        """Shown where there is a contradiction."""
        self._found = found
        self.text.setText(found.headline)
        self.do.setText("Use probed value" if len(found.contradictions) == 1 else "Use probed values")
        self.setVisible(any(verdict.value is not None for verdict in found.contradictions))

    def drop(self) -> None:
        """Nothing to say."""
        self._found = None
        self.hide()

    def _use(self) -> None:
        if self._found is not None:
            self.useClicked.emit(self._found)
