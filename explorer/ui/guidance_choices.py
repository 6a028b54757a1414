"""The label and how strongly the model is led to it: a group of the choices panel."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.facts import GuidanceKind, ModelFacts
from explorer.state import State
from explorer.ui.controls import combo, decimal, whole
from explorer.ui.elided_label import ElidedLabel

NO_LABEL_TEXT = "None"
FORMULAS: dict[GuidanceKind, str] = {
    "classifier-free": "Classifier-free guidance: score = γ s(x_t, y) + (1 − γ) s(x_t). "
    "0 is unconditional, 1 conditional, above 1 guided.",
    "classifier": "Classifier guidance: score = ∇ log p(x_t) + γ ∇ log p(y | x_t). "
    "0 is unconditional, 1 conditional (Bayes' rule), above 1 guided.",
}
KINDS: tuple[tuple[str, GuidanceKind], ...] = (("Classifier-free", "classifier-free"), ("Classifier", "classifier"))
INTERVAL_TIP = "γ counts where t lies between these two times; elsewhere it is 1, the conditional model"
RESCALE_TIP = (
    "φ: the guided output g is brought towards the contrast of the conditional one c, φ g std(c)/std(g) + (1 − φ) g, "
    "against the glare of a large γ"
)


class GuidanceChoices(QWidget):
    """Shows a State's label and guidance. changed(dict): the fields of State the user set."""

    changed = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: ModelFacts | None = None
        self._names: tuple[str, ...] | None = None
        self._form = QFormLayout()
        heading = QLabel("Guidance")
        heading.setObjectName("sectionTitle")
        self._label = combo("labelCombo", "Class label", "The label y the model is given")
        self._label.currentIndexChanged.connect(lambda _: self.changed.emit({"label": self._label.currentData()}))
        self._scale = decimal("guidanceSpin", "Guidance scale", FORMULAS["classifier-free"], 20.0, 0.5)
        self._scale.valueChanged.connect(lambda value: self.changed.emit({"guidance_scale": value}))
        self._kind = combo("guidanceKindCombo", "Kind of guidance", "What leads the model to the label")
        for text, kind in KINDS:
            self._kind.addItem(text, kind)
        self._kind.currentIndexChanged.connect(lambda _: self.changed.emit({"guidance_kind": self._kind.currentData()}))
        self._by = ElidedLabel(on_surface=True, clauses=(" of ", " p("))
        self._by.setObjectName("guidanceClassifier")
        self._by.setAccessibleName("Classifier in use")
        self._more = QToolButton()
        self._more.setObjectName("guidanceMoreButton")
        self._more.setAccessibleName("More choices of guidance")
        self._more.setText("Interval and rescale")
        self._more.setToolTip("Where guidance counts, and how its contrast is held")
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setAutoRaise(True)
        self._more.setCheckable(True)
        self._more.toggled.connect(self._unfold)
        self._low = whole("guidanceLowSpin", "Lowest guided t", INTERVAL_TIP)
        self._high = whole("guidanceHighSpin", "Highest guided t", INTERVAL_TIP)
        for end in (self._low, self._high):
            end.valueChanged.connect(lambda _: self._emit_interval())
        self._rescale = decimal("guidanceRescaleSpin", "Guidance rescale", RESCALE_TIP, 1.0, 0.1)
        self._rescale.valueChanged.connect(lambda value: self.changed.emit({"guidance_rescale": value}))
        self._lay_out(heading)
        self._unfold(False)

    def set_facts(self, facts: ModelFacts) -> None:
        """Offer what a model can do."""
        self._facts = facts
        self._names = None
        # A text takes the place of the label, and one kind of guidance goes with it.
        for field in (self._label, self._kind):
            self._form.setRowVisible(field, not facts.prompted)
        reasons: dict[GuidanceKind, str] = {
            "classifier-free": "" if facts.conditional else "This network takes no labels",
            "classifier": "" if facts.classifier else "No classifier fits this model",
        }
        model = self._kind.model()
        assert isinstance(model, QStandardItemModel)
        for i, (_, kind) in enumerate(KINDS):
            item = model.item(i)
            item.setEnabled(not reasons[kind])
            item.setToolTip(reasons[kind] or FORMULAS[kind])
        with QSignalBlocker(self._low), QSignalBlocker(self._high):
            self._low.setRange(0, facts.T)
            self._high.setRange(0, facts.T)

    def set_state(self, state: State) -> None:
        """Show the user's choices without emitting any."""
        widgets = (self._label, self._scale, self._kind, self._low, self._high, self._rescale)
        blocked = [QSignalBlocker(widget) for widget in widgets]
        facts, kind = self._facts, state.guidance_kind
        names = () if facts is None else facts.labels(kind)
        if names != self._names:
            self._names = names
            self._label.clear()
            self._label.addItem(NO_LABEL_TEXT, None)
            for i, name in enumerate(names):
                self._label.addItem(name, i)
        self._label.setCurrentIndex(max(self._label.findData(state.label), 0))
        self._scale.setValue(state.guidance_scale)
        self._kind.setCurrentIndex(self._kind.findData(kind))
        T = 0 if facts is None else facts.T
        low, high = state.guidance_interval or (0, T)
        self._low.setRange(0, round(high))
        self._high.setRange(round(low), T)
        self._low.setValue(round(low))
        self._high.setValue(round(high))
        self._rescale.setValue(state.guidance_rescale)
        if state.guidance_interval is not None or state.guidance_rescale:
            self._more.setChecked(True)  # nothing that is in force is hidden
        del blocked
        self._enable(state, facts)

    def _enable(self, state: State, facts: ModelFacts | None) -> None:
        kind, labels = state.guidance_kind, self._names or ()
        self._label.setEnabled(bool(labels))
        self._label.setToolTip(
            "The label y the model is given" if labels else "This model has no labels to choose from"
        )
        both = facts is not None and facts.conditional and facts.classifier is not None
        self._kind.setEnabled(both)
        self._kind.setToolTip(FORMULAS[kind] if both else self._only_kind(facts))
        unlabelled = "" if state.label is not None else "Choose a label first: without one there is nothing to guide to"
        if facts is not None and facts.prompted:
            unlabelled = (
                "" if state.prompt.strip() else "Write a prompt first: without one there is nothing to guide to"
            )
        null = "" if kind == "classifier" or (facts and facts.guidable) else "This model has no null label, so γ is 1"
        free = "" if kind == "classifier-free" else "It compares with the conditional network, which a classifier lacks"
        _allow(self._scale, FORMULAS[kind], unlabelled or null)
        for end in (self._low, self._high):
            _allow(end, INTERVAL_TIP, unlabelled or null)
        _allow(self._rescale, RESCALE_TIP, unlabelled or null or free)
        by = facts.classifier.title if kind == "classifier" and facts is not None and facts.classifier else ""
        self._by.setText(f"by {by}" if by else "")
        self._by.setVisible(bool(by))

    def _only_kind(self, facts: ModelFacts | None) -> str:
        if facts is None or not (facts.conditional or facts.classifier):
            return "This model has no labels, so nothing guides it"
        if facts.classifier is None:
            return "Classifier-free is the one kind possible: no classifier fits this model"
        return "A classifier is the one thing that can guide this model: its network takes no labels"

    def _emit_interval(self) -> None:
        low, high = self._low.value(), self._high.value()
        everywhere = self._facts is not None and (low, high) == (0, self._facts.T)
        self.changed.emit({"guidance_interval": None if everywhere else (low, high)})

    def _unfold(self, on: bool) -> None:
        self._more.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._form.setRowVisible(self._ends, on)
        self._form.setRowVisible(self._rescale, on)

    def _lay_out(self, heading: QLabel) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading)
        form = self._form
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Label y", self._label)
        form.addRow("Guidance γ", self._scale)
        form.addRow("Kind", self._kind)
        form.addRow(self._by)
        form.addRow(self._more)
        ends = QHBoxLayout()
        ends.setSpacing(4)
        ends.addWidget(self._low, 1)
        ends.addWidget(QLabel("–"))
        ends.addWidget(self._high, 1)
        self._ends = form.rowCount()
        form.addRow("At t", ends)
        form.addRow("Rescale φ", self._rescale)
        layout.addLayout(form)


def _allow(widget: QWidget, tip: str, reason: str) -> None:
    """Enable a control, or say in its tooltip why it is not."""
    widget.setEnabled(not reason)
    widget.setToolTip(reason or tip)
