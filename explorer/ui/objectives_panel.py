"""The score-matching objectives at the time on show, of models whose exact score is known."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from explorer.engine.likelihood_frame import ScoresMatched
from explorer.ui.estimate_text import estimate, matching
from explorer.ui.likelihood_tips import OBJECTIVES, OBJECTIVES_TITLE
from explorer.ui.number_table import NumberTable


class ObjectivesPanel(QWidget):
    """A table and what it means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel()
        self._title.setObjectName("sectionTitle")
        self._title.setToolTip(OBJECTIVES_TITLE)
        self.table = NumberTable("objectivesTable", "Score-matching objectives", ("model", "above exact"), OBJECTIVES)
        self._summary = QLabel()
        self._summary.setObjectName("objectivesSummary")
        self._summary.setAccessibleName("Do the objectives agree?")
        self._summary.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        for widget in (self._title, self.table, self._summary):
            layout.addWidget(widget)

    def show_scores(self, found: ScoresMatched | None, t: int) -> None:
        """None: there are none at t."""
        if found is None:
            self._title.setText("Score matching")
            self.table.clear()
            self._summary.setText("At t = 0 there is no noise, and no score to learn." if t == 0 else "")
            return
        self._title.setText(f"Score matching at t = {found.t}")
        for row in found.objectives:
            self.table.set_row(row.name, estimate(row.model), estimate(row.excess))
        self.table.set_row("fisher", estimate(found.half_fisher), strong=True)
        words, agree = matching(found)
        self._summary.setText(words)
        self._summary.setObjectName("objectivesSummary" if agree else "alert")
        self._summary.style().polish(self._summary)
