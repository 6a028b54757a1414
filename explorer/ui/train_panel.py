"""The tab where a small network of points is trained: what it learns, how, and the loss beside the least possible."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from explorer.engine.frame import Drafted, Failed, Saved, Trained
from explorer.engine.worker import Answer
from explorer.facts import ModelFacts
from explorer.lenses.drawable import Chart, Line
from explorer.request import Draft, Keep, ModelRef, Train
from explorer.ui.chart_view import ChartView
from explorer.ui.controls import named
from explorer.ui.drawing_pad import DrawingPad
from explorer.ui.runner import Runner
from explorer.ui.session import Session
from explorer.ui.short_text import true_minus
from explorer.ui.trained_here import data_of, new_network

DATA = (
    ("mixture", "Three Gaussians"),
    ("moons", "Two moons"),
    ("swiss_roll", "Swiss roll"),
    ("checkerboard", "Checkerboard"),
    ("rings", "Three rings"),
    ("mixture_1d", "Three Gaussians on a line"),
    ("", "Your drawing"),
)
PREDICTIONS = (("v", "v = a ε − s x₀"), ("eps", "ε, the noise"), ("x0", "x₀, the data"), ("score", "The score"))
OBJECTIVES = (("denoising", "Denoising"), ("explicit", "Explicit matching"), ("sliced", "Sliced matching"))
LENSES = ("x_t", "x0", "score", "error_map")
LENSES_ON_A_LINE = ("x_t", "x0", "score", "step_line")


class TrainPanel(QWidget):
    """Start makes and opens an untrained network and trains it; a pause keeps it; Reset begins anew."""

    def __init__(self, runner: Runner, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner, self._session = runner, session
        self._drafts = 0
        self._drafting = self._training = self._saving = 0
        """The jobs under way; 0 for none."""
        self._wanted: tuple[Any, ...] | None = None
        """What the network that is open, or being made, is of; None where it is no network of this tab."""
        self._path = ""
        self._untrained = False
        """Whether it was made this moment and is to be trained when it is open."""
        self._steps: list[float] = []
        self._losses: list[float] = []
        self._build()
        runner.answered.connect(self._take)
        session.opened.connect(self._opened)
        session.openingBegan.connect(self._stopped)

    @property
    def training(self) -> bool:
        """True while the network learns."""
        return self._training != 0

    @property
    def shown(self) -> bool:
        """True while the network that is open is the one trained here."""
        return self._wanted is not None and self._session.state.model == self._path

    def _build(self) -> None:
        self._data = self._combo("trainData", "Data to learn", "What is learned; its exact density is known", DATA)
        self._pad = DrawingPad()
        self._pad.hide()
        self._data.currentIndexChanged.connect(lambda _: self._pad.setVisible(self._data.currentData() == ""))
        self._prediction = self._combo(
            "trainPrediction", "What the network says", "The meaning of the network's output", PREDICTIONS
        )
        self._objective = self._combo(
            "trainObjective",
            "Objective",
            "Denoising: E‖output − target‖². Two that are not told the noise: explicit, E[tr ∇s + ½‖s‖²], and sliced, "
            "E[vᵀ∇s v + ½‖s‖²] with random v",
            OBJECTIVES,
        )
        self._rate = named(
            QDoubleSpinBox(decimals=5, minimum=1e-5, maximum=0.1, value=2e-3),
            "trainRate",
            "Learning rate",
            "Adam's learning rate; counts from the next start",
        )
        self._rate.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Data", self._data)
        form.addRow(self._pad)
        form.addRow("Output", self._prediction)
        form.addRow("Objective", self._objective)
        form.addRow("Rate", self._rate)
        self._start = self._button("trainButton", "Train", "Train a new network on this, or go on with the one at work")
        self._start.clicked.connect(self.toggle)
        self._reset = self._button("trainResetButton", "Reset", "Begin again with an untrained network")
        self._reset.clicked.connect(self.reset)
        self._save = self._button(
            "trainSaveButton",
            "Save…",
            "Write the network as it is now as a model folder. Of those not saved the last ten are kept",
        )
        self._save.clicked.connect(self.choose_folder)
        row = QHBoxLayout()
        for button in (self._start, self._reset, self._save):
            row.addWidget(button)
        self._words = QLabel("Choose what to learn, and press Train.")
        self._words.setObjectName("muted")
        self._words.setWordWrap(True)
        self._plot = ChartView()
        self._plot.setObjectName("lossPlot")
        self._plot.setAccessibleName("Loss over steps, and the least possible")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addLayout(form)
        layout.addLayout(row)
        layout.addWidget(self._words)
        layout.addWidget(self._plot, 1)
        self._show_buttons()

    def restyle(self) -> None:
        """The theme's colours."""
        self._plot.restyle()

    def _combo(self, name: str, accessible: str, tip: str, items: tuple[tuple[str, str], ...]) -> QComboBox:
        combo = named(QComboBox(), name, accessible, tip)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, text in items:
            combo.addItem(text, value)
        return combo

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, text, tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    # What the user does

    def toggle(self) -> None:
        """Pause, go on, or begin with a new network where something else is to be learned."""
        if self.training:
            self._runner.cancel("train")
            self._stopped()
        elif self._wanted == self._choice() and self._session.state.model == self._path:
            self._go_on()
        else:
            self.reset()

    def reset(self) -> None:
        """Begin with an untrained network."""
        self._runner.cancel("train")
        self._stopped()
        self._drafts += 1
        self._wanted = self._choice()
        data, prediction, strokes = self._wanted
        self._path = str(new_network(data))
        title = f"{self._data.currentText()}, trained here"
        self._drafting = self._runner.submit(Draft(self._path, data, prediction, title, strokes, self._drafts))
        self._words.setText("Making an untrained network…")

    def choose_folder(self) -> None:
        """Ask for a folder and write the network there."""
        path = QFileDialog.getExistingDirectory(self, "An empty folder for the model")
        if path:
            self.save(path)

    def save(self, path: str) -> None:
        """Write the network as it is now."""
        state = self._session.state
        self._saving = self._runner.submit(Keep(ModelRef(self._path, state.device), path))

    def _choice(self) -> tuple[Any, ...]:
        data = self._data.currentData()
        return data, self._prediction.currentData(), self._pad.strokes if data == "" else ()

    def _go_on(self) -> None:
        reference = ModelRef(self._path, self._session.state.device)
        objective, rate = self._objective.currentData(), self._rate.value()
        self._training = self._runner.submit(Train(reference, objective, rate, keep=True))
        self._show_buttons()

    # What happens

    def _take(self, answer: Answer, _newest: bool) -> None:
        frame = answer.frame
        if isinstance(frame, Drafted) and answer.job == self._drafting:
            self._drafting = 0
            self._steps, self._losses = [], []
            self._plot.clear_drawable()
            self._untrained = True
            self._session.open(frame.path)
        elif isinstance(frame, Trained) and answer.job == self._training:
            self._show(frame)
        elif isinstance(frame, Saved) and answer.job == self._saving:
            self._words.setText(f"Saved in {frame.path}.")
        elif isinstance(frame, Failed) and answer.job in (self._drafting, self._training):
            self._wanted = None
            self._stopped()
            self._words.setText("Choose what to learn, and press Train.")

    def _opened(self) -> None:
        facts = self._session.facts
        if facts is not None and facts.path == self._path and self._untrained:
            self._untrained = False
            self._session.change(lenses=LENSES_ON_A_LINE if facts.kind == "line" else LENSES)
            self._go_on()
        elif facts is not None and facts.path != self._path and (data := data_of(facts.path)) is not None:
            self._take_up(facts, data)
        self._show_buttons()

    def _take_up(self, facts: ModelFacts, data: str) -> None:
        """A network trained here before is open again, and can be trained on."""
        self._path = facts.path
        self._data.setCurrentIndex(self._data.findData(data))
        self._prediction.setCurrentIndex(self._prediction.findData(facts.prediction))
        self._wanted = self._choice()
        self._steps, self._losses = [], []
        self._plot.clear_drawable()
        self._words.setText("This network was trained here before: Train goes on with it.")

    def _stopped(self) -> None:
        self._drafting = self._training = 0
        self._show_buttons()

    def _show(self, found: Trained) -> None:
        self._steps.append(found.steps)
        self._losses.append(found.loss)
        words = true_minus(f"Step {found.steps:,}: loss {found.loss:.4f}, the least possible {found.best:.4f}")
        self._words.setText(f"{words}; {found.unkept}" if found.unkept else words)
        x, y = np.array(self._steps, np.float32), np.array(self._losses, np.float32)
        least = Line("least possible", x[[0, -1]], np.full(2, found.best, np.float32), 2)
        self._plot.show_drawable(Chart(y, (Line("loss", x, y), least), "step", "loss"))
        if not self._session.playing and not self._session.busy:
            self._session.look_again()

    def _show_buttons(self) -> None:
        self._start.setText("Pause" if self.training else "Train")
        self._reset.setEnabled(self.shown)
        self._save.setEnabled(self.shown)
