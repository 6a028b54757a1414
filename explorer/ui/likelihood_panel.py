"""The tab about likelihood: the variational bound in two splits, term by term, and log p by the ODE."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QWidget,
)

from explorer.engine.likelihood_frame import Bounded, BoundStack, ScoresMatched, TermCurve, Value
from explorer.facts import ModelFacts
from explorer.ui import likelihood_tips as tips
from explorer.ui.bound_table import BoundTable
from explorer.ui.compute_row import ComputeRow
from explorer.ui.controls import combo, named
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.estimate_plot import EstimatePlot
from explorer.ui.estimate_text import agreement, estimate, gap
from explorer.ui.measure_row import samples_spin, set_samples
from explorer.ui.objectives_panel import ObjectivesPanel
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.stack_plot import StackPlot
from explorer.ui.time_plot import TimePlot

POINTS, PICTURES = 500, 16
"""Samples to measure at first."""
PLOT_HEIGHT = 128
STACK_HEIGHT = 190
A, B = "(A)", "(B)"


class LikelihoodPanel(ScrollPanel):
    """Shows what it is told; says what the user wants."""

    computeClicked = Signal(int, str, bool)
    """samples, variance, whether log p by the ODE"""
    stopClicked = Signal()
    timeChosen = Signal(int)
    shown = Signal(bool)
    """Whether the tab, and in it the comparison of scores, can be seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Bounded | None = None
        self._time = 0
        self._facts: ModelFacts | None = None
        self._seed = 0
        self._build_choices()
        self._build_plots()
        self.column.addWidget(self.stack)
        below = QHBoxLayout()
        below.addWidget(self._paid, 1)
        below.addWidget(self.stack.unit)
        self.column.addLayout(below)
        self._build_results()
        self._add_plots()
        numbers: tuple[QWidget, ...] = (self._paid, self.stack.unit, self._heading, self.table, self._summary)
        self._results = (*numbers, self.terms, self._here, self.variance)
        """Before there are any, the plot alone says what will be there."""
        self.objectives = ObjectivesPanel()
        self.column.addWidget(self.objectives)
        self.column.addStretch(1)
        self.drop()

    # Building

    def _build_choices(self) -> None:
        self._samples = samples_spin("boundSamplesSpin", tips.SAMPLES)
        self._variance = combo("boundVarianceCombo", "Variance of the reverse steps", tips.VARIANCE, 4)
        self._variance.addItem("Posterior β̃", "beta_tilde")
        self._variance.addItem("Forward β", "beta")
        self._ode = named(
            QCheckBox("log p by the ODE too"), "boundOdeCheck", "log p by the probability-flow ODE as well", tips.ODE
        )
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(5)
        form.addRow("Samples", self._samples)
        form.addRow("Variance", self._variance)
        form.addRow(self._ode)
        self.row = ComputeRow(
            "bound",
            "Compute",
            "Compute the variational bound",
            tips.COMPUTE,
            "End with the samples that are done",
        )
        self.row.startClicked.connect(self._ask)
        self.row.stopClicked.connect(self.stopClicked)
        self.column.addLayout(form)
        self.column.addWidget(self.row)

    def _build_plots(self) -> None:
        self.stack = StackPlot()
        self._paid = ElidedLabel()
        self._paid.setObjectName("muted")
        self._paid.setToolTip("By which time half of the KLs' sum has been added up, from t = 0 on")
        empty = "Compute the bound to see its terms."
        self.terms = EstimatePlot("boundTermsPlot", "Terms of the bound", tips.TERMS_PLOT, "nats per step", empty)
        self.variance = TimePlot("boundVariancePlot", "Variance of one draw", tips.VARIANCE_PLOT, "nats²", empty)
        self.variance.set_log()
        self._here = ElidedLabel()
        self._here.setObjectName("boundHere")
        self._plots: tuple[TimePlot, ...] = (self.stack, self.terms, self.variance)
        for plot in self._plots:
            plot.setFixedHeight(STACK_HEIGHT if plot is self.stack else PLOT_HEIGHT)
            plot.timeChosen.connect(self.timeChosen)

    def _add_plots(self) -> None:
        self.column.addWidget(self.terms)
        self.column.addWidget(self._here)
        self.column.addWidget(self.variance)

    def _build_results(self) -> None:
        self._heading = heading = QLabel("The bound, in nats per sample")
        heading.setObjectName("sectionTitle")
        heading.setToolTip(tips.BOUND)
        self.table = BoundTable()
        self._summary = QLabel()
        self._summary.setObjectName("boundSummary")
        self._summary.setAccessibleName("Do both splits agree?")
        self._summary.setWordWrap(True)
        self.column.addWidget(heading)
        self.column.addWidget(self.table)
        self.column.addWidget(self._summary)

    # Showing

    def set_model(self, facts: ModelFacts) -> None:
        """Another model is open; nothing is known of it."""
        self._facts = facts
        held = facts.sample_count
        set_samples(self._samples, held, PICTURES if facts.on_grid else POINTS)
        self.row.set_possible(held > 0)
        for plot in self._plots:
            plot.set_time_range(facts.T)
        self.objectives.setVisible(facts.truth_known and not facts.on_grid)
        self.drop()

    def set_running(self, running: bool) -> None:
        """Whether the bound is being computed."""
        self.row.set_running(running)
        for part in self._results:
            part.setVisible(running or self._found is not None)
        if not running:
            self.row.say(self._done())

    def set_time(self, t: int) -> None:
        """Move the cursors."""
        self._time = t
        for plot in self._plots:
            plot.set_time(t)
        self._show_here()

    def show_bound(self, found: Bounded) -> None:
        """What is known of it now."""
        self._found = found
        curves = {A: found.matching, B: found.consistency}
        self.terms.set_estimates({n: (c.t.astype(np.float64), c.mean, c.error) for n, c in curves.items()})
        for name, curve in curves.items():
            known = np.isfinite(curve.variance) & (curve.variance > 0)
            if known.any():
                self.variance.set_curve(name, curve.t[known].astype(np.float64), curve.variance[known])
        self._show_here()
        self.table.show_bound(found)
        exact = found.totals.exact.mean if found.totals is not None and found.totals.exact is not None else math.nan
        self._show_stacks(found.stacks, found.dimensions, exact)
        if found.totals is not None:
            words, agree = agreement(found.totals)
            self._summary.setText(" ".join(part for part in (words, gap(found.totals)) if part))
            self._summary.setObjectName("boundSummary" if agree else "alert")
            self._summary.style().polish(self._summary)

    def _show_stacks(self, stacks: Sequence[BoundStack], dimensions: int, exact: float) -> None:
        if stacks:
            self.stack.show_stacks(stacks, dimensions, exact)
        self._paid.setText(self.stack.half_paid())

    def show_scores(self, found: ScoresMatched | None) -> None:
        """The score-matching objectives at the time on show."""
        self.objectives.show_scores(found, self._time)

    def drop(self) -> None:
        """Forget what was found."""
        self._drop_bound()
        self.objectives.show_scores(None, self._time)

    def _drop_bound(self) -> None:
        self._found = None
        for plot in self._plots:
            plot.remove_curves()
        self._paid.setText("")
        self.table.clear()
        self._summary.setText(tips.SUMMARY)
        self._show_here()
        self.set_running(False)

    def restyle(self) -> None:
        """The theme's colours."""
        for plot in self._plots:
            plot.restyle()

    def showEvent(self, event: object) -> None:
        self.shown.emit(True)

    def hideEvent(self, event: object) -> None:
        self.shown.emit(False)

    def _ask(self) -> None:
        self._drop_bound()
        self.computeClicked.emit(self._samples.value(), self._variance.currentData(), self._ode.isChecked())

    def _done(self) -> str:
        found = self._found
        if self._facts is not None and self._facts.sample_count == 0:
            return "This model comes without samples to measure."
        if found is None or found.totals is None:
            return ""
        terms = f"{len(found.matching.t):,} of {found.T - 1:,} terms"
        of_class = ""
        if found.label is not None and self._facts is not None:
            of_class = f" of “{self._facts.class_names[found.label]}”"
        on = f", {found.schedule}" if found.schedule else ""
        return f"{found.samples:,}{'' if found.finished else f' of {found.wanted:,}'} samples{of_class}, {terms}{on}"

    def _show_here(self) -> None:
        """The terms at the cursor, of the computed times the nearest."""
        if self._found is None:
            self._here.setText("")
            return
        a, b = (_nearest(curve, self._time) for curve in (self._found.matching, self._found.consistency))
        self._here.setText(f"t = {a[0]}: (A) {a[1]}  (B) {b[1]}".replace(" ± ", "±"))


def _nearest(curve: TermCurve, t: int) -> tuple[int, str]:
    i = int(np.argmin(np.abs(curve.t - t)))
    return int(curve.t[i]), estimate(Value(float(curve.mean[i]), float(curve.error[i])))
