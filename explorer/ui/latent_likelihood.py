"""The tab about the likelihood of a latent chain: its ELBO, term by term, beside an importance-weighted bound."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from explorer.engine.frame import Frame
from explorer.engine.likelihood_frame import Bounding, BoundStack, LatentBounded, PartKind, Value
from explorer.facts import ModelFacts
from explorer.state import ChoiceError, resolve_latent_bound
from explorer.ui.compute_row import ComputeRow
from explorer.ui.controls import named
from explorer.ui.estimate_text import MANY_ERRORS, estimate
from explorer.ui.job import Job
from explorer.ui.measure_row import samples_spin, set_samples
from explorer.ui.number_table import NumberTable
from explorer.ui.runner import Runner
from explorer.ui.scroll_panel import ScrollPanel
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
LEVEL_TIP = (
    "K_t = E_q[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})] is no KL divergence by itself: the z_{t+1} that p is told was\n"
    "drawn up from this very z_t, so p may find it likelier than q does, and K_t be below 0. The sum of all K cannot."
)
WEIGHTED_TIP = (
    "log (1/K) Σ_k p(x, z^k) / q(z^k|x), with draws of its own (Burda et al. 2016): between the ELBO and\n"
    "log p(x), and closer to log p(x) the more draws there are"
)
GAP_TIP = "The weighted bound less the ELBO, sample by sample: about how far q is from the true posterior p(z|x)"
BITS_TIP = "−ELBO / (d log 2): what one pixel costs"
TAB_TIP = "The ELBO of the latent chain, term by term, and an importance-weighted bound beside it"
IDLE = "Press Compute: how likely the chain finds its own sample pictures, and where the nats go."
EMPTY = "The ELBO as a stack: what the picture given back is worth, less what each level costs. Below it, the numbers."


class LatentMeasurements(QObject):
    """Asks for the ELBO of the open chain and hands on what comes."""

    found = Signal(object)
    progressed = Signal(float, str)

    def __init__(self, runner: Runner, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.job = Job(runner, "bound", self)
        self.job.answered.connect(self._take)

    def compute(self, samples: int, importance: int) -> None:
        """On so many samples, with so many draws for the weighted bound."""
        facts = self._session.facts
        if facts is None:
            return
        try:
            self.job.begin(resolve_latent_bound(self._session.state, facts, samples, importance))
        except ChoiceError as error:
            self._session.failed.emit(str(error))

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, LatentBounded):
            self.found.emit(frame)
        elif isinstance(frame, Bounding):
            self.progressed.emit(frame.fraction, frame.doing)


class LatentLikelihood(ScrollPanel):
    """Shows what it is told; says what the user wants."""

    computeClicked = Signal(int, int)
    stopClicked = Signal()
    levelChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: LatentBounded | None = None
        self._levels = 1
        self._build_choices()
        self._stack = StackPlot("latent", EMPTY)
        self._stack.line_name = "weighted"
        self._stack.setFixedHeight(STACK_HEIGHT)
        self._stack.timeChosen.connect(self.levelChosen)
        self._stack.unit.hide()
        units = QHBoxLayout()
        units.addStretch(1)
        units.addWidget(self._stack.unit)
        self.column.addWidget(self._stack)
        self.column.addLayout(units)
        self._table: NumberTable | None = None
        self._place = self.column.count()
        self._words = QLabel(IDLE)
        self._words.setObjectName("boundSummary")
        self._words.setAccessibleName("What was found")
        self._words.setWordWrap(True)
        self.column.addWidget(self._words)
        likelihood = QLabel("p(x|z₁): Bernoulli, black and white pixels")
        likelihood.setObjectName("muted")
        likelihood.setToolTip(LIKELIHOOD_TIP)
        likelihood.setWordWrap(True)
        self.column.addWidget(likelihood)
        self.column.addStretch(1)

    def _build_choices(self) -> None:
        self._samples = samples_spin("latentSamplesSpin", "How many of the model's sample pictures")
        self._importance = named(QSpinBox(), "importanceSpin", "Draws of the weighted bound", WEIGHTED_TIP)
        self._importance.setKeyboardTracking(False)
        self._importance.setRange(1, MOST_IMPORTANCE)
        self._importance.setValue(IMPORTANCE)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Samples", self._samples)
        form.addRow("Draws K", self._importance)
        self.row = ComputeRow(
            "latentBound",
            "Compute",
            "Compute the ELBO",
            ELBO_TIP,
            "End with the samples that are done",
        )
        self.row.startClicked.connect(self._ask)
        self.row.stopClicked.connect(self.stopClicked)
        self.column.addLayout(form)
        self.column.addWidget(self.row)

    def set_model(self, facts: ModelFacts) -> None:
        """Another chain is open; nothing is known of it."""
        self._levels = facts.T
        set_samples(self._samples, facts.sample_count, SAMPLES)
        self.row.set_possible(facts.sample_count > 0)
        self._stack.set_time_range(facts.T)
        self._lay_out()
        self._forget()

    def set_level(self, t: int) -> None:
        """Move the cursor."""
        self._stack.set_time(t)

    def set_running(self, running: bool) -> None:
        self.row.set_running(running)
        found = self._found
        for part in (self._table, self._stack.unit):
            if part is not None:
                part.setVisible(running or found is not None)
        if not running and found is not None:
            self.row.say(f"{found.samples:,} samples, {found.draws} draws each")

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
            self.column.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        one = self._levels == 1
        rows = [("reconstruction", "E log p(x|z₁)", "How well z₁ gives the picture back. " + LIKELIHOOD_TIP)]
        for t in range(1, self._levels + 1):
            name = "− KL(q ‖ N(0, I))" if one or t == self._levels else f"− K, level {t}"
            tip = ELBO_TIP if t == self._levels else LEVEL_TIP
            rows.append((f"level {t}", name if one or t < self._levels else f"− KL, level {t}", tip))
        rows += [
            ("elbo", "= ELBO", ELBO_TIP),
            ("weighted", "weighted bound", WEIGHTED_TIP),
            ("gap", "gap", GAP_TIP),
            ("bits", "bits/dim", BITS_TIP),
        ]
        self._table = NumberTable("latentTable", "Terms of the ELBO", ("nats",), rows)
        self.column.insertWidget(self._place, self._table)


def _stack(found: LatentBounded) -> BoundStack:
    levels = len(found.levels)
    kl: PartKind = "kl"
    nan = math.nan
    begin = np.array([nan, *range(levels)], np.float64)
    end = np.array([nan, *range(1, levels + 1)], np.float64)
    values = np.array([found.reconstruction.mean, *(-level.mean for level in found.levels)], np.float64)
    names = ("log p(x|z₁)", *(f"level {t}" for t in range(1, levels + 1)))
    return BoundStack("ELBO", ("reconstruction", *[kl] * levels), begin, end, values, found.elbo, names)


def _sentence(found: LatentBounded) -> str:
    negative = [t for t, level in enumerate(found.levels, 1) if level.mean < 0]
    told = f" K at level {negative[0]} is below 0, as it may be: it is no KL divergence by itself." if negative else ""
    return _compared(found) + told


def _compared(found: LatentBounded) -> str:
    gap = found.gap
    if found.samples == 1 or not math.isfinite(gap.error):
        return "One sample has no error bars: take more."
    if gap.mean >= -MANY_ERRORS * gap.error:
        return (
            f"The ELBO lies below the weighted bound of {found.importance:,} draws, as it must, by {estimate(gap)} "
            "nats: so much at least is lost because q(z|x) is a Gaussian and not the true posterior."
        )
    return f"The ELBO lies above the weighted bound by {estimate(Value(-gap.mean, gap.error))} nats: take more samples."


def build_elbo_tab(side: SidePanel, runner: Runner, session: Session) -> tuple[LatentLikelihood, Job]:
    """The tab, and what computes what it shows."""
    panel = LatentLikelihood()
    side.add(panel, "ELBO", TAB_TIP, families=("chain",))
    measurements = LatentMeasurements(runner, session, panel)
    panel.computeClicked.connect(measurements.compute)
    panel.stopClicked.connect(measurements.job.stop)
    panel.levelChosen.connect(session.set_time)
    measurements.found.connect(panel.show_found)
    measurements.progressed.connect(panel.row.set_progress)
    measurements.job.runningChanged.connect(panel.set_running)
    return panel, measurements.job
