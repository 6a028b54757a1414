"""The tab about the likelihood of a latent chain: its ELBO, term by term, beside an importance-weighted bound."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from explorer.engine.likelihood_frame import Bounding, BoundStack, LatentBounded, Value
from explorer.engine.worker import Answer
from explorer.facts import ModelFacts
from explorer.state import ChoiceError, resolve_latent_bound
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.estimate_text import MANY_ERRORS, estimate
from explorer.ui.number_table import NumberTable
from explorer.ui.runner import Runner
from explorer.ui.session import Session
from explorer.ui.side_panel import SidePanel
from explorer.ui.stack_plot import StackPlot

SAMPLES, IMPORTANCE = 100, 64
MOST_IMPORTANCE = 10_000
STACK_HEIGHT = 200
LIKELIHOOD_TIP = (
    "p(x|z₁) is Bernoulli: every pixel by itself is 1 with the probability shown, else 0. So log p(x) is that of\n"
    "a picture of black and white pixels, and one bit a pixel would be what a coin costs."
)
ELBO_TIP = (
    "log p(x) ≥ E_q[log p(x|z₁)] − Σ_t K_t, the mean over 8 draws of z for each sample.\n"
    "K_L = KL(q(z_L|z_{L−1}) ‖ N(0, I)); K_t = E_q[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})] below."
)
WEIGHTED_TIP = (
    "log (1/K) Σ_k p(x, z^k) / q(z^k|x), with draws of its own (Burda et al. 2016): between the ELBO and\n"
    "log p(x), and closer to log p(x) the more draws there are"
)
GAP_TIP = "The weighted bound less the ELBO, sample by sample: about how far q is from the true posterior p(z|x)"
BITS_TIP = "−ELBO / (d log 2): what one pixel costs"
TAB_TIP = "The ELBO of the latent chain, term by term, and an importance-weighted bound beside it"
IDLE = "Press Compute: how likely the chain finds its own sample pictures, and where the nats go."


class LatentMeasurements(QObject):
    """Asks for the ELBO of the open chain and hands on what comes."""

    found = Signal(object)
    progressed = Signal(float, str)
    runningChanged = Signal(bool)

    def __init__(self, runner: Runner, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner, self._session = runner, session
        self._job = 0
        runner.answered.connect(self._take)
        session.opened.connect(lambda _: self._set_running(0))

    def compute(self, samples: int, importance: int) -> None:
        """On so many samples, with so many draws for the weighted bound."""
        facts = self._session.facts
        if facts is None:
            return
        try:
            request = resolve_latent_bound(self._session.state, facts, samples, importance)
        except ChoiceError as error:
            self._session.failed.emit(str(error))
            return
        self._set_running(self._runner.submit(request))

    def stop(self) -> None:
        """End with the samples that are done."""
        if self._job:
            self._runner.cancel("bound")
            self._set_running(0)

    def _take(self, answer: Answer, newest: bool) -> None:
        if not self._job or answer.job != self._job:
            return
        frame = answer.frame
        if isinstance(frame, LatentBounded):
            self.found.emit(frame)
        elif isinstance(frame, Bounding):
            self.progressed.emit(frame.fraction, frame.doing)
        if answer.last:
            self._set_running(0)

    def _set_running(self, job: int) -> None:
        if bool(job) != bool(self._job):
            self.runningChanged.emit(bool(job))
        self._job = job


class LatentLikelihood(QScrollArea):
    """Shows what it is told; says what the user wants."""

    computeClicked = Signal(int, int)
    stopClicked = Signal()
    levelChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._found: LatentBounded | None = None
        self._levels = 1
        body = QWidget()
        body.setObjectName("panelBody")
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(10, 8, 10, 10)
        self._layout.setSpacing(6)
        self._build_choices()
        self._stack = StackPlot("latent")
        self._stack.line_name = "weighted"
        self._stack.setFixedHeight(STACK_HEIGHT)
        self._stack.timeChosen.connect(self.levelChosen)
        units = QHBoxLayout()
        units.addStretch(1)
        units.addWidget(self._stack.unit)
        self._layout.addWidget(self._stack)
        self._layout.addLayout(units)
        self._table: NumberTable | None = None
        self._place = self._layout.count()
        self._words = QLabel(IDLE)
        self._words.setObjectName("boundSummary")
        self._words.setAccessibleName("What was found")
        self._words.setWordWrap(True)
        self._layout.addWidget(self._words)
        likelihood = QLabel("p(x|z₁): Bernoulli, black and white pixels")
        likelihood.setObjectName("muted")
        likelihood.setToolTip(LIKELIHOOD_TIP)
        likelihood.setWordWrap(True)
        self._layout.addWidget(likelihood)
        self._layout.addStretch(1)
        self.setWidget(body)

    def _build_choices(self) -> None:
        self._samples = _spin("latentSamplesSpin", "Samples to measure", "How many of the model's sample pictures")
        self._importance = _spin("importanceSpin", "Draws of the weighted bound", WEIGHTED_TIP)
        self._importance.setRange(1, MOST_IMPORTANCE)
        self._importance.setValue(IMPORTANCE)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Samples", self._samples)
        form.addRow("Draws K", self._importance)
        self._compute = QPushButton("Compute")
        self._compute.setObjectName("latentBoundButton")
        self._compute.setAccessibleName("Compute the ELBO")
        self._compute.setToolTip(ELBO_TIP)
        self._compute.clicked.connect(self._ask)
        self._stop = QPushButton("Stop")
        self._stop.setObjectName("latentBoundStopButton")
        self._stop.setAccessibleName("Stop computing the ELBO")
        self._stop.setToolTip("End with the samples that are done")
        self._stop.setEnabled(False)
        self._stop.clicked.connect(self.stopClicked)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._compute)
        row.addWidget(self._stop)
        self._progress = QProgressBar()
        self._progress.setObjectName("latentBoundProgress")
        self._progress.setAccessibleName("How much of the ELBO is computed")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress.setFixedHeight(4)
        keep_room = self._progress.sizePolicy()
        keep_room.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep_room)
        self._status = ElidedLabel()
        self._status.setObjectName("boundStatus")
        self._layout.addLayout(form)
        self._layout.addLayout(row)
        self._layout.addWidget(self._progress)
        self._layout.addWidget(self._status)

    def set_model(self, facts: ModelFacts) -> None:
        """Another chain is open; nothing is known of it."""
        self._levels = facts.T
        with QSignalBlocker(self._samples):
            self._samples.setRange(min(1, facts.sample_count), facts.sample_count)
            self._samples.setValue(min(SAMPLES, facts.sample_count))
        self._compute.setEnabled(facts.sample_count > 0)
        self._stack.set_time_range(facts.T)
        self._lay_out()
        self._forget()

    def set_level(self, t: int) -> None:
        """Move the cursor."""
        self._stack.set_time(t)

    def table_text(self, key: str) -> str:
        """What a row of the table says: "reconstruction", "level 1" …, "elbo", "bits", "weighted", "gap"."""
        assert self._table is not None
        return self._table.text(key, 1)

    def set_running(self, running: bool) -> None:
        self._compute.setEnabled(not running and self._samples.maximum() > 0)
        self._stop.setEnabled(running)
        self._progress.setVisible(running)
        self._progress.setValue(0)
        found = self._found
        if not running:
            self._status.setText("" if found is None else f"{found.samples:,} samples, {found.draws} draws each")

    def set_progress(self, fraction: float, doing: str) -> None:
        self._progress.setValue(round(1000 * fraction))
        self._status.setText(doing)

    def show_found(self, found: LatentBounded) -> None:
        """What is known of it now."""
        self._found = found
        table = self._table
        assert table is not None
        table.set_row("reconstruction", estimate(found.reconstruction))
        for t, level in enumerate(found.levels, 1):
            table.set_row(f"level {t}", estimate(Value(-level.mean, level.error)))
        table.set_row("elbo", estimate(found.elbo), strong=True)
        table.set_row("weighted", estimate(found.weighted))
        table.set_row("gap", estimate(found.gap))
        per_bit = found.dimensions * math.log(2)
        table.set_row("bits", estimate(Value(-found.elbo.mean / per_bit, found.elbo.error / per_bit)))
        self._stack.show_stacks((_stack(found),), found.dimensions, found.weighted.mean)
        self._words.setText(_sentence(found))

    def restyle(self) -> None:
        """The theme's colours."""
        self._stack.restyle()

    def _ask(self) -> None:
        self._forget()
        self.computeClicked.emit(self._samples.value(), self._importance.value())

    def _forget(self) -> None:
        self._found = None
        self._stack.remove_curves()
        if self._table is not None:
            self._table.clear()
        self._words.setText(IDLE)
        self.set_running(False)

    def _lay_out(self) -> None:
        if self._table is not None:
            self._layout.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        one = self._levels == 1
        rows = [("reconstruction", "E log p(x|z₁)", "How well z₁ gives the picture back. " + LIKELIHOOD_TIP)]
        for t in range(1, self._levels + 1):
            name = "− KL(q ‖ N(0, I))" if one or t == self._levels else f"− K, level {t}"
            rows.append((f"level {t}", name if one or t < self._levels else f"− KL, level {t}", ELBO_TIP))
        rows += [
            ("elbo", "= ELBO", ELBO_TIP),
            ("weighted", "weighted bound", WEIGHTED_TIP),
            ("gap", "gap", GAP_TIP),
            ("bits", "bits/dim", BITS_TIP),
        ]
        self._table = NumberTable("latentTable", "Terms of the ELBO", ("nats",), rows)
        self._layout.insertWidget(self._place, self._table)


def _stack(found: LatentBounded) -> BoundStack:
    levels = len(found.levels)
    kinds = ("reconstruction", *(["kl"] * levels))
    nan = math.nan
    begin = np.array([nan, *range(levels)], np.float64)
    end = np.array([nan, *range(1, levels + 1)], np.float64)
    values = np.array([found.reconstruction.mean, *(-level.mean for level in found.levels)], np.float64)
    names = ("log p(x|z₁)", *(f"level {t}" for t in range(1, levels + 1)))
    return BoundStack("ELBO", kinds, begin, end, values, found.elbo, names)  # type: ignore[arg-type]


def _sentence(found: LatentBounded) -> str:
    gap = found.gap
    if found.samples == 1 or not math.isfinite(gap.error):
        return "One sample has no error bars: take more."
    if gap.mean >= -MANY_ERRORS * gap.error:
        return (
            f"The ELBO lies below the weighted bound of {found.importance:,} draws, as it must, by {estimate(gap)} "
            "nats: so much at least is lost because q(z|x) is a Gaussian and not the true posterior."
        )
    return f"The ELBO lies above the weighted bound by {estimate(Value(-gap.mean, gap.error))} nats: take more samples."


def _spin(name: str, accessible: str, tip: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setObjectName(name)
    spin.setAccessibleName(accessible)
    spin.setToolTip(tip)
    spin.setKeyboardTracking(False)
    return spin


def build_elbo_tab(side: SidePanel, runner: Runner, session: Session) -> LatentLikelihood:
    """The tab, and who computes what it shows."""
    panel = LatentLikelihood()
    side.add(panel, "ELBO", TAB_TIP, families=("chain",))
    measurements = LatentMeasurements(runner, session, panel)
    panel.computeClicked.connect(measurements.compute)
    panel.stopClicked.connect(measurements.stop)
    panel.levelChosen.connect(session.set_time)
    measurements.found.connect(panel.show_found)
    measurements.progressed.connect(panel.set_progress)
    measurements.runningChanged.connect(panel.set_running)
    return panel
