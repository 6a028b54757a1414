"""The tab about the forms of a prediction: each from each with the numbers of t, and how wrong each is over t."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

import numpy as np
from PySide6.QtCore import QSignalBlocker, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from explorer.engine.forms_frame import FormCurves, FormsMeasured, FormsShown
from explorer.engine.frame import Frame, Opened
from explorer.engine.worker import Answer
from explorer.facts import ModelFacts
from explorer.request import Forms, MeasureForms, ModelRef
from explorer.state import ChoiceError, resolve_look
from explorer.ui.controls import named
from explorer.ui.conversion_table import SYMBOLS, ConversionTable
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.job import Job
from explorer.ui.measure_row import MeasureRow
from explorer.ui.runner import Runner
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.session import Session
from explorer.ui.time_plot import TimePlot

FOLLOW_MS = 60
"""While the slider is dragged the numbers are asked for at most this often."""
NAMES = {"x0": "x̂₀", "eps": "ε̂", "score": "score ŝ", "v": "v̂"}
PICTURES, POINTS = 50, 500
PLOT_HEIGHT = 220
SAME_ERROR = "One error in four units: ε̂ − ε = −(a/s)(x̂₀ − x₀) = −s (ŝ + ε/s), v̂ − v = −(r²/s)(x̂₀ − x₀)."


class FormsPanel(ScrollPanel):
    """Asks for itself, as long as it can be seen."""

    def __init__(self, runner: Runner, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner, self._session = runner, session
        self._asked = 0
        """The job whose numbers are awaited; 0 for none."""
        self.job = Job(runner, "measure", self)
        self.job.answered.connect(self._take_measured)
        self._shown: FormsShown | None = None
        self._curves: dict[str, FormCurves] = {}
        """By folder: what was measured here, or what a card holds."""
        self._measured: set[str] = set()
        self._facts: ModelFacts | None = None
        self._build()
        self._timer = QTimer(self, singleShot=True, interval=FOLLOW_MS)
        self._timer.timeout.connect(self._ask)
        runner.answered.connect(self._take)
        session.opened.connect(self._opened)
        session.stateChanged.connect(self._follow)
        session.runChanged.connect(self._follow)
        if session.facts is not None:
            self._set_model(session.facts)

    def _build(self) -> None:
        self._title = QLabel("Forms")
        self._title.setObjectName("sectionTitle")
        self._title.setToolTip(
            "Whatever the network gives, given x_t = a x₀ + s ε the other forms follow by these formulas.\n"
            "a, s: the path at t; a′, s′: their slopes by t/T, for the velocity û = a′ x̂₀ + s′ ε̂; r² = a² + s²"
        )
        self._numbers = ElidedLabel()
        self._numbers.setObjectName("formsNumbers")
        self._source = self._combo("formsSource", "Form to start from", "The form that the others are computed from")
        self.table = ConversionTable()
        self._summary = QLabel()
        self._summary.setObjectName("formsSummary")
        self._summary.setAccessibleName("Do all formulas agree?")
        self._summary.setWordWrap(True)
        self._source.currentIndexChanged.connect(self._fill)
        self._quantity = self._combo(
            "formsQuantity", "Form whose error is drawn", "Which form's error against the truth is drawn"
        )
        self._quantity.setCurrentIndex(self._quantity.findData("eps"))
        self._quantity.currentIndexChanged.connect(self._draw)
        self.row = MeasureRow("forms", "Measure the errors over t of the open model, on its samples")
        self.row.measureClicked.connect(self._measure)
        self.row.stopClicked.connect(self.job.stop)
        self.job.runningChanged.connect(self.row.set_running)
        self.plot = TimePlot(
            "formsPlot",
            "Error over t",
            "Root mean square, per number, of the difference to the truth; the score's is −ε/s, that of q(x_t | x₀).\n"
            "Solid: measured here. Dashed: as the models' cards have it.",
            "r.m.s. error",
            "Measure to see the errors of this model over t.",
        )
        self.plot.set_log()
        self.plot.setFixedHeight(PLOT_HEIGHT)
        self.plot.timeChosen.connect(self._session.set_time)
        self.plot.add_control(self._quantity)
        note = QLabel(SAME_ERROR)
        note.setObjectName("muted")
        note.setWordWrap(True)
        from_row = QHBoxLayout()
        from_row.addWidget(QLabel("From"))
        from_row.addWidget(self._source, 1)
        for part in (self._title, self._numbers, from_row, self.table, self._summary, self.plot, self.row, note):
            if isinstance(part, QHBoxLayout):
                self.column.addLayout(part)
            else:
                self.column.addWidget(part)
        self.column.addStretch(1)

    def _combo(self, name: str, accessible: str, tip: str) -> QComboBox:
        combo = named(QComboBox(), name, accessible, tip)
        for kind, label in NAMES.items():
            combo.addItem(label, kind)
        return combo

    # The model and the time

    def _opened(self, opened: Opened) -> None:
        self._set_model(opened.facts)

    def _set_model(self, facts: ModelFacts) -> None:
        self._facts, self._shown = facts, None
        self._asked = 0
        self.row.set_samples(facts.sample_count, PICTURES if facts.kind == "image" else POINTS)
        self.plot.set_time_range(facts.T)
        with QSignalBlocker(self._source):
            self._source.setCurrentIndex(max(self._source.findData(facts.prediction), 0))
            for i, (kind, label) in enumerate(NAMES.items()):
                self._source.setItemText(i, f"{label}, the network's" if kind == facts.prediction else label)
        self._fill()
        self._draw()
        self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _follow(self) -> None:
        self.plot.set_time(self._session.state.t)
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _ask(self) -> None:
        session = self._session
        if session.facts is None or (session.facts != self._facts and session.facts.path != session.state.model):
            return
        run = session.run
        if session.state.source == "reverse" and (run is None or not run.made):
            return
        try:
            number = session.family.source(run).number if run is not None and run.made else None
            look = resolve_look(session.state, session.facts, number)
        except ChoiceError:  # the tiles say so already
            return
        self._asked = self._runner.submit(Forms(look))

    # Answers

    def _take(self, answer: Answer, _newest: bool) -> None:
        frame = answer.frame
        if isinstance(frame, FormsShown) and answer.job == self._asked:
            self._shown = frame
            for curves in frame.stored:
                self._curves.setdefault(curves.path, curves)
            self._fill()
            self._draw()

    def _fill(self) -> None:
        """The formulas from the chosen form."""
        shown, source = self._shown, self._source.currentData()
        if shown is None or self._facts is None:
            self._title.setText("Forms")
            self._numbers.setText("")
            self.table.show_conversions([])
            self._summary.setText("")
            return
        self._title.setText(f"Forms at t = {shown.t:g}")
        values = (("a", shown.a), ("s", shown.s), ("a′", shown.a_slope), ("s′", shown.s_slope))
        self._numbers.setText("  ".join(f"{name} = {value:.3g}".replace("-", "−") for name, value in values))
        self.table.show_conversions([row for row in shown.conversions if row.source == source])
        if not shown.conversions:
            missing = "noise, and ε̂ = (xₜ − a x̂₀)/s" if shown.s == 0 else "signal, and x̂₀ = (xₜ − s ε̂)/a"
            self._summary.setText(
                f"No numbers here: there is no {missing} would divide by 0. The forms do not follow from one another."
            )
            return
        worst = max(row.difference for row in shown.conversions)
        exponent = f"{worst:.0e}".replace("-", "−")
        self._summary.setText(
            f"All {len(shown.conversions)} formulas agree with what the network's own output, "
            f"{SYMBOLS.get(shown.output, 'û')}, gives: max |Δ| = {exponent}."
        )

    # Errors

    def _measure(self, samples: int) -> None:
        state, facts = self._session.state, self._session.facts
        if facts is None or state.model is None:
            return
        reference = ModelRef(state.model, state.device, schedule=state.schedule)
        self.job.begin(MeasureForms(reference, samples, state.noise_seed))

    def _take_measured(self, frame: Frame) -> None:
        if isinstance(frame, FormsMeasured):
            self._curves[frame.curves.path] = frame.curves
            self._measured.add(frame.curves.path)
            self.row.set_progress(frame.fraction)
            self._draw()

    def _draw(self) -> None:
        """The chosen form's error of every model that is known and has this one's times."""
        facts, kind = self._facts, self._quantity.currentData()
        known = [curves for curves in self._curves.values() if facts is not None and curves.T == facts.T]
        labels = short_names([curves.path for curves in known])
        self.plot.remove_curves()
        for curves, label in sorted(zip(known, labels, strict=True), key=lambda pair: pair[1]):
            y = np.maximum(curves.errors[kind], 1e-12)
            draw = self.plot.set_curve if curves.path in self._measured else self.plot.set_reference
            draw(SYMBOLS.get(label, label), curves.t, y)

    def restyle(self) -> None:
        """The theme's colours."""
        self.plot.restyle()


def short_names(paths: list[str]) -> list[str]:
    """The folders' names, without what stands before a hyphen in several: x0, eps, score, v of the twins."""
    names = [PurePath(path).name for path in paths]
    families = Counter(name[: name.find("-") + 1] for name in names)
    return [
        name.split("-", 1)[1] if families[name[: name.find("-") + 1]] > 1 and "-" in name else name for name in names
    ]
