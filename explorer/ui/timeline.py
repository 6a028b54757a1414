"""The bottom of the window: transport, the exact time, the slider, the runs and the filmstrip."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker, Signal, SignalInstance
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.engine.frame import ScheduleTable
from explorer.facts import subscript
from explorer.ui import theme
from explorer.ui.branch_tree import BranchTree
from explorer.ui.controls import inset, named, tool
from explorer.ui.filmstrip import Filmstrip
from explorer.ui.icons import icon
from explorer.ui.readout import Readout
from explorer.ui.time_axis import SCALES
from explorer.ui.time_slider import TimeSlider

SPEEDS: dict[str, float] = {
    "1 step/s": 1.0,
    "2 steps/s": 2.0,
    "5 steps/s": 5.0,
    "10 steps/s": 10.0,
    "20 steps/s": 20.0,
    "Full speed": math.inf,
}
BRANCH_TIP = "Branch here: from this step on in a run of its own, the present one stays (B)"


def level_names(levels: int) -> tuple[str, ...]:
    """x, z₁ … z_L; () for none."""
    if not levels:
        return ()
    return ("0  data x", *(f"z{subscript(t)}" for t in range(1, levels + 1)))


class Timeline(QFrame):
    """Emits what the user wants; shows what it is told."""

    timeChosen = Signal(int)
    stepChosen = Signal(int, int)
    """time, step"""
    playClicked = Signal()
    stepClicked = Signal()
    backClicked = Signal()
    resetClicked = Signal()
    branchClicked = Signal()
    backwardsToggled = Signal(bool)
    loopToggled = Signal(bool)
    paceChosen = Signal(float)
    """seconds between two steps"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._playing = False
        self._reset = self._button(
            "resetButton", "reset", "Begin again at x_T (Home goes back to the start of this run)", self.resetClicked
        )
        self._back = self._button("backButton", "back", "One step back (←)", self.backClicked)
        self._play = self._button("playButton", "play", "Run the sampler (Space)", self.playClicked)
        self._step = self._button("stepButton", "step", "One step (→)", self.stepClicked)
        self._paint_play()
        self._play.setFixedWidth(52)
        self._branch = self._button("branchButton", "branch", BRANCH_TIP, self.branchClicked)
        self._branch.setEnabled(False)
        self._backwards = self._toggle(
            "reversePlayButton", "backwards", "Play what is recorded backwards, from t = 0 up"
        )
        self._backwards.toggled.connect(self.backwardsToggled)
        self._loop = self._toggle("loopButton", "loop", "Begin again at the end: play round and round")
        self._loop.toggled.connect(self.loopToggled)
        self._speed = named(QComboBox(), "speedCombo", "Speed", "How fast a run is played")
        self._speed.addItems(list(SPEEDS))
        self._speed.setCurrentText("Full speed")
        self._speed.currentTextChanged.connect(lambda text: self.paceChosen.emit(1 / SPEEDS[text]))

        self.slider = TimeSlider()
        self.slider.valueChanged.connect(self.timeChosen)
        self._spin = QSpinBox()
        inset(self._spin)
        self._spin.setObjectName("timestepSpin")
        self._spin.setAccessibleName("Timestep, exact")
        self._spin.setPrefix("t = ")
        self._spin.setMinimumWidth(96)
        self._spin.setKeyboardTracking(False)
        self._spin.valueChanged.connect(self.timeChosen)
        self._numbers = Readout()
        self._scale = named(QComboBox(), "scaleCombo", "Scale of the time axis", "Scale of the time axis")
        self._scale.addItems([f"By {scale}" for scale in SCALES])
        self._scale.currentIndexChanged.connect(self._change_scale)
        self.tree = BranchTree(self.slider.x_of)
        self.filmstrip = Filmstrip(self.slider.x_of)
        self.filmstrip.chosen.connect(self.stepChosen)

        self._row = row = QHBoxLayout()
        row.setSpacing(6)
        for widget in (self._reset, self._back, self._play, self._step, self._backwards, self._loop, self._speed):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(self._branch)
        row.addSpacing(10)
        row.addWidget(self._spin)
        row.addSpacing(6)
        row.addWidget(self._numbers, 1)
        row.addWidget(self._scale)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 6)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.slider)
        layout.addWidget(self.tree)
        layout.addWidget(self.filmstrip)
        self.setEnabled(False)

    def _button(self, name: str, icon_name: str, tip: str, signal: SignalInstance | None = None) -> QToolButton:
        button = tool(name, icon_name, tip, 16)
        button.setProperty("icon_name", icon_name)
        if signal is not None:
            button.clicked.connect(signal)
        return button

    def _toggle(self, name: str, icon_name: str, tip: str) -> QToolButton:
        button = self._button(name, icon_name, tip)
        button.setCheckable(True)
        return button

    def add(self, widget: QWidget, after_branch: bool = False) -> None:
        """A further control: beside the branch button, or at the right end of the row."""
        place = self._row.indexOf(self._branch) + 1 if after_branch else self._row.count() - 1
        self._row.insertWidget(place, widget)

    def parts(self) -> list[QWidget]:
        """As one reads them: the row from its left end, and what lies below it."""
        items = [self._row.itemAt(i) for i in range(self._row.count())]
        row = [widget for item in items if item is not None and (widget := item.widget()) is not None]
        return [*row, self.slider, self.tree, self.filmstrip]

    def set_time_range(self, T: int, schedule: ScheduleTable | None) -> None:
        """The model's T, and its schedule once that is known."""
        with QSignalBlocker(self.slider), QSignalBlocker(self._spin):
            self.slider.set_time(T, schedule)
            self._spin.setRange(0, T)
        self._spin.setSuffix(f" / {T}")

    def set_levels(self, levels: int) -> None:
        """Whether times are the levels of a latent chain, so many of them; 0 for those of a diffusion model."""
        self.slider.set_names(level_names(levels))
        self.filmstrip.set_levels(bool(levels))
        self._scale.setVisible(not levels)
        if levels:
            self._scale.setCurrentIndex(0)

    def set_time(self, t: int) -> None:
        """Show a time without asking for it."""
        with QSignalBlocker(self.slider), QSignalBlocker(self._spin):
            self.slider.setValue(t)
            self._spin.setValue(t)

    def set_numbers(self, text: str) -> None:
        """What stands beside the time: a(t), s(t), SNR, the step of a run."""
        self._numbers.set_text(text)

    def set_playing(self, playing: bool) -> None:
        """Whether the middle button says pause."""
        self._playing = playing
        self._paint_play()
        self._play.setToolTip("Pause (Space)" if playing else "Run the sampler (Space)")

    def set_steps_possible(self, back: bool, forward: bool) -> None:
        """Which of the step buttons would do something."""
        self._back.setEnabled(back)
        self._step.setEnabled(forward)

    def set_branch_possible(self, possible: bool) -> None:
        """Whether a step of a run is on show."""
        self._branch.setEnabled(possible)

    def restyle(self) -> None:
        """Icons in the theme's colours."""
        for button in (self._reset, self._back, self._step, self._branch, self._backwards, self._loop):
            button.setIcon(icon(button.property("icon_name")))
        self._paint_play()
        self.filmstrip.restyle()
        self.tree.update()

    def _paint_play(self) -> None:
        self._play.setIcon(icon("pause" if self._playing else "play", theme.current().on_accent))

    def _change_scale(self, index: int) -> None:
        self.slider.set_scale(SCALES[index])
        self.filmstrip.update()
        self.tree.update()
