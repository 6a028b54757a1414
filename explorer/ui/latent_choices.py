"""Choices that a latent chain has besides: another sample to go to, a z_t put back, levels drawn anew."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from explorer.facts import ModelFacts
from explorer.state import State
from explorer.ui.controls import button, named
from explorer.ui.latents import Latents

PARTNER_TIP = "Tile interpolation: (1 − w) z_t + w z′_t goes from the sample on show to this one, level by level"
REDRAW_TIP = (
    "Keep z_t and all above it, draw z_{t−1} … z₁ anew: a branch of this run with another seed.\n"
    "Go to a level of a reverse run first."
)
BACK_TIP = "z_t as it was drawn, without what was dragged"


class LatentChoices(QWidget):
    """Works a Latents. changed: fields of the State that the user set."""

    changed = Signal(dict)

    def __init__(self, latents: Latents, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        heading = QLabel("Latent variables")
        heading.setObjectName("sectionTitle")
        self._partner = named(QSpinBox(), "partnerSpin", "Sample that interpolations go to", PARTNER_TIP)
        self._partner.setKeyboardTracking(False)
        self._partner.setMinimumWidth(64)
        self._partner.valueChanged.connect(lambda value: self.changed.emit({"partner": value}))
        self._redraw = button("redrawBelowButton", "Redraw below z", REDRAW_TIP, "Redraw the levels below")
        self._redraw.clicked.connect(latents.redraw_below)
        self._back = button("putBackButton", "Put z back", BACK_TIP, "Put z back as it was drawn")
        self._back.clicked.connect(latents.put_back)
        for control in (self._redraw, self._back):
            control.setEnabled(False)
        form = QFormLayout()
        form.setVerticalSpacing(5)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Go to", self._partner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading)
        layout.addLayout(form)
        layout.addWidget(self._redraw)
        layout.addWidget(self._back)
        latents.changed.connect(lambda: self._redraw.setEnabled(latents.can_redraw))
        self.hide()

    def set_facts(self, facts: ModelFacts) -> None:
        """Show what fits a model, which may be nothing."""
        self.setVisible(facts.family == "chain")
        with QSignalBlocker(self._partner):
            self._partner.setMaximum(max(facts.sample_count - 1, 0))

    def set_state(self, state: State) -> None:
        """Show the user's choices without emitting any."""
        with QSignalBlocker(self._partner):
            self._partner.setValue(state.partner)
        self._partner.setEnabled("interpolation" in state.lenses)
        self._back.setEnabled(bool(state.by_hand))
