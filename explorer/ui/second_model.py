"""A second model beside the first: what it is, through which lenses both are seen, and a way to end that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from explorer.engine.frame import LensSpec
from explorer.facts import ModelError, ModelFacts, check_comparable
from explorer.ui.controls import named
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.file_dialogs import ask_for_model_file
from explorer.ui.gallery import shipped_models
from explorer.ui.known_models import inspect_all, known_model
from explorer.ui.model_words import describe
from explorer.ui.session import COMPARED_LENSES, SECOND_LENSES, Session
from explorer.ui.short_text import plain, typeset

NARROW = 560
"""Pixels, below which the bar has two rows in a run."""
TIP = "B is asked at A's x_t, t, label and guidance; a model of another schedule at the noise level of t"
ASKED, OWN = "B at A's x_t", "B's own run"
OWN_TIP = (
    "B at A's x_t: what B says of the very x_t that A's run has come to.\n"
    "B's own run: B goes its own way from the same x_T, by the same sampler, with the same noise."
)


class ModelName(ElidedLabel):
    """Whole where there is room for it, while a plain ElidedLabel asks for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.updateGeometry()  # a QLabel tells of its own hint alone

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(typeset(self.text())) + 2, super().sizeHint().height())


class SecondModelBar(QFrame):
    """Above the tiles while two models are compared."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("card")
        self.setAccessibleName("Two models side by side")
        self._first, self._second, self._facts = ModelName(), ModelName(), ElidedLabel()
        self._facts.setObjectName("muted")
        for label, name in ((self._first, "firstModelName"), (self._second, "secondModelName")):
            label.setObjectName(name)
            label.setAccessibleDescription(TIP)
        self._lenses = named(
            QComboBox(), "secondLensCombo", "What is compared", "The lens through which both models are seen"
        )
        self._lenses.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._lenses.setMinimumContentsLength(7)
        self._way = named(QComboBox(), "secondWayCombo", "What B is shown of in a run", OWN_TIP)
        self._way.addItem(typeset(ASKED), False)
        self._way.addItem(OWN, True)
        end = named(
            QPushButton("End"),
            "endSecondButton",
            "End the comparison with the second model",
            "Show the first model alone",
        )
        end.clicked.connect(lambda: session.compare_model(None))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(10, 4, 10, 4)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        names = QHBoxLayout()
        names.setSpacing(10)
        names.addWidget(self._first)
        names.addWidget(self._second)
        names.addWidget(self._facts, 1)
        self._chosen = QWidget()
        row = QHBoxLayout(self._chosen)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._way)
        row.addWidget(self._lenses)
        row.addStretch(1)
        self._grid.addLayout(names, 0, 0)
        self._grid.addWidget(self._chosen, 0, 1)
        self._grid.addWidget(end, 0, 2)
        self._grid.setColumnStretch(0, 1)
        self._way.currentIndexChanged.connect(lambda _: session.set_second_own(bool(self._way.currentData())))
        self._lenses.currentIndexChanged.connect(self._choose)
        session.stateChanged.connect(self._show)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # it takes no room from the plots
        self.hide()

    def set_lenses(self, lenses: Sequence[LensSpec], kind: str) -> None:
        """The lenses of a model of a kind."""
        with QSignalBlocker(self._lenses):
            self._lenses.clear()
            self._lenses.addItem("x̂₀ and ε̂", " ".join(SECOND_LENSES))
            self._lenses.addItem("xₜ and x̂₀", " ".join(COMPARED_LENSES))
            for lens in lenses:
                if kind in lens.kinds and not lens.slow:
                    self._lenses.addItem(plain(lens.label), lens.name)
        self._session.second_lenses = COMPARED_LENSES if self._session.second_own else SECOND_LENSES

    def _choose(self) -> None:
        self._session.set_second_lenses(tuple(str(self._lenses.currentData()).split()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """What is chosen below the names, where both do not fit beside each other."""
        below = self.width() < NARROW and not self._way.isHidden()
        self._grid.removeWidget(self._chosen)
        self._grid.addWidget(self._chosen, 1 if below else 0, 0 if below else 1, 1, 3 if below else 1)

    def _show(self) -> None:
        first, second = self._session.facts, self._session.second
        self.setVisible(first is not None and second is not None)
        if first is None or second is None:
            return
        self._first.setText(f"A  {name_of(first, second)}")
        self._second.setText(f"B  {name_of(second, first)}")
        self._facts.setText(describe(second, "").rpartition(" · ")[0])  # it is on A's device
        self._way.setVisible(self._session.state.source == "reverse")
        self._arrange()
        with QSignalBlocker(self._way):
            self._way.setCurrentIndex(self._way.findData(self._session.second_own))
        chosen = self._lenses.findData(" ".join(self._session.second_lenses))
        if chosen != self._lenses.currentIndex():
            with QSignalBlocker(self._lenses):
                self._lenses.setCurrentIndex(chosen)


def name_of(facts: ModelFacts, other: ModelFacts) -> str:
    """The title, with the set of weights where there are several, or the file's name where both are called alike."""
    name = f"{facts.title} ({facts.weights})" if facts.weights else facts.title
    alike = (facts.title, facts.weights) == (other.title, other.weights) and facts.path != other.path
    return f"{name}, {Path(facts.path).name}" if alike else name


def fill_compare_menu(menu: QMenu, session: Session, recent: Sequence[str], ask: Callable[[bool], None]) -> None:
    """Other sets of the open model's weights, models of its shape, a way to others, and an end to it.

    Models are added once it is known what they are, which is looked up anew whenever the menu opens.
    """
    paths = tuple(dict.fromkeys([*(str(model.path) for model in shipped_models()), *recent]))
    _fill(menu, session, paths, ask)
    filled = [known_model(path) for path in paths]

    def again(_: None) -> None:
        if [known_model(path) for path in paths] != filled:
            _fill(menu, session, paths, ask)

    session.inquiry.ask("models", partial(inspect_all, paths), again, lambda _: None, quiet=True)


def _fill(menu: QMenu, session: Session, paths: Sequence[str], ask: Callable[[bool], None]) -> None:
    menu.clear()
    facts = session.facts
    if facts is None:
        return
    for weights in facts.weight_sets:
        if weights != facts.weights:
            action = menu.addAction(f"{facts.title}, weights “{weights}”")
            action.triggered.connect(lambda _=False, w=weights: session.compare_model(facts.path, w))
    for path in paths:
        other = known_model(path)
        if other is not None and path != facts.path and _fits(facts, other):
            entry = menu.addAction(f"{other.title}  —  {Path(path).name}")
            entry.triggered.connect(lambda _=False, path=path: session.compare_model(path))
    menu.addSeparator()
    menu.addAction("Another model folder…").triggered.connect(lambda _=False: ask(False))
    menu.addAction("Another model file…").triggered.connect(lambda _=False: ask(True))
    end = menu.addAction("No other model")
    end.setEnabled(session.second is not None)
    end.triggered.connect(lambda _=False: session.compare_model(None))


def ask_for_second(parent: QWidget, session: Session, file: bool) -> None:
    """Ask for a folder, or a file, and show its model beside the open one."""
    path = (
        ask_for_model_file(parent, "Compare with the model in a file")
        if file
        else QFileDialog.getExistingDirectory(parent, "Compare with the model in a folder")
    )
    if path:
        session.compare_model(path)


def _fits(facts: ModelFacts, other: ModelFacts) -> bool:
    try:
        check_comparable(facts, other)
    except ModelError:
        return False
    return True
