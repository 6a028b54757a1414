"""The tab about a learned schedule: the bound in continuous time, and the loss on this schedule and on others."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QWidget

from explorer.engine.forms_frame import ContinuousBound
from explorer.engine.frame import Frame, Opened
from explorer.facts import ModelFacts
from explorer.request import MeasureContinuous, ModelRef
from explorer.ui.job import Job
from explorer.ui.measure_row import MeasureRow
from explorer.ui.number_table import NumberTable
from explorer.ui.runner import Runner
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.session import Session
from explorer.ui.time_plot import TimePlot

OWN, LEARNED = "own", "learned"
LOSSES = {OWN: "this one", "linear β": "linear β", "cosine": "cosine", "linear log SNR": "linear λ"}
PICTURES = 32
PLOT_HEIGHT = 190
TERMS = (
    ("prior", "prior", "KL(q(x_T | x₀) ‖ N(0, I)): what is left of the data at t = T"),
    ("reconstruction", "reconstruction", "E[−log p(x₀ | x at 0⁺)]: which of 256 values each number had"),
    ("diffusion", "diffusion", "½ ∫ E‖ε − ε̂‖² dω with ω = −log SNR: the same for every schedule between the same ends"),
    ("total", "bound", "−log p(x₀) is at most this"),
)
EMPTY = "Measure to see the bound in bits per dimension, and how the loss is spread over t."


class VdmPanel(ScrollPanel):
    """Asks for itself. suitableChanged: whether the open model has a schedule that was learned."""

    suitableChanged = Signal(bool)

    def __init__(self, runner: Runner, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.job = Job(runner, "measure", self)
        self.job.answered.connect(self._take)
        self.suitable = False
        self._build()
        session.opened.connect(self._opened)
        session.stateChanged.connect(lambda: self.plot.set_time(session.state.t))
        if session.facts is not None:
            self._set_model(session.facts)

    def _build(self) -> None:
        heading = QLabel("Bound in continuous time")
        heading.setObjectName("sectionTitle")
        heading.setToolTip(
            "−log p(x₀) ≤ prior + reconstruction + ½ ∫ E‖ε − ε̂‖² ω′(u) du, ω = −log SNR, u = t/T (Kingma et al. 2021)"
        )
        self.row = MeasureRow("vdm", "Measure the bound and the variance of the loss, on the model's samples")
        self.row.measureClicked.connect(self._measure)
        self.row.stopClicked.connect(self.job.stop)
        self.job.runningChanged.connect(self.row.set_running)
        self.terms = NumberTable("vdmTerms", "Terms of the bound", ("bits/dim", "± s.e."), TERMS)
        self.plot = TimePlot(
            "vdmPlot",
            "Loss",
            "ℓ(t) = ½ ω′ E‖ε − ε̂‖², whose mean over t is the diffusion term.\n"
            "Dashed: the same network on other schedules between the same ends of λ = log SNR.",
            "bits/dim",
            EMPTY,
        )
        self.plot.set_log()
        self.plot.setFixedHeight(PLOT_HEIGHT)
        self.plot.timeChosen.connect(self._session.set_time)
        rows = [(key, name, f"Of one draw of t, ε and x₀ on this schedule: {key}") for key, name in LOSSES.items()]
        self.variances = NumberTable("vdmVariances", "Variance of the loss", ("variance", "ratio"), rows)
        second = QLabel("Variance of one draw of the loss, bits²")
        second.setObjectName("sectionTitle")
        second.setWordWrap(True)
        self._summary = QLabel()  # what it is for stands in the plot until there is something to say
        self._summary.setObjectName("vdmSummary")
        self._summary.setAccessibleName("What the learned schedule gains")
        self._summary.setWordWrap(True)
        for part in (heading, self.row, self.terms, self.plot, second, self.variances, self._summary):
            self.column.addWidget(part)
        self.column.addStretch(1)
        self._results: tuple[QWidget, ...] = (self.terms, second, self.variances)
        """Before there are any, the plot alone says what will be there."""

    def _opened(self, opened: Opened) -> None:
        self._set_model(opened.facts)

    def _set_model(self, facts: ModelFacts) -> None:
        self.suitable = facts.schedule == LEARNED
        self.suitableChanged.emit(self.suitable)
        self.row.set_samples(facts.sample_count, PICTURES)
        self.plot.set_time_range(facts.T)
        self.plot.remove_curves()
        self.terms.clear()
        self.variances.clear()
        self._summary.clear()
        for part in self._results:
            part.hide()

    def _measure(self, samples: int) -> None:
        state = self._session.state
        if self._session.facts is None or state.model is None:
            return
        reference = ModelRef(state.model, state.device)
        self.job.begin(MeasureContinuous(reference, samples, state.noise_seed))

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, ContinuousBound):
            self.row.set_progress(frame.fraction)
            self.show_bound(frame)

    def show_bound(self, found: ContinuousBound) -> None:
        """What is known of it now."""
        for part in self._results:
            part.show()
        for key in ("prior", "reconstruction", "diffusion"):
            mean, error = getattr(found, key)
            self.terms.set_row(key, f"{mean:.4f}", f"{error:.4f}" if np.isfinite(error) else "?")
        self.terms.set_row("total", f"{found.total:.3f}", "", strong=True)
        own = found.losses[0]
        for loss in found.losses:
            draw = self.plot.set_curve if loss.name == OWN else self.plot.set_reference
            draw(LOSSES[loss.name], loss.t, np.maximum(loss.mean, 1e-9))
            self.variances.set_row(loss.name, f"{loss.variance:.3g}", f"{loss.variance / own.variance:.3g} ×")
        best = min(found.losses[1:], key=lambda loss: loss.variance)
        more = best.variance / own.variance
        self._summary.setText(
            f"Log SNR goes from {-found.first:.2f} to {-found.last:.2f}. Of the other schedules {LOSSES[best.name]} is "
            f"best: to know the bound as well it takes {more:.3g} times as many draws.".replace("-", "−")
        )

    def restyle(self) -> None:
        """The theme's colours."""
        self.plot.restyle()
