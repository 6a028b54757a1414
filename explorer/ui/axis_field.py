"""One side of a grid: what is varied, and the list of its values, to be written or picked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QMenu, QToolButton, QWidget

from explorer.axes import NO_LABEL, TITLES, default_text
from explorer.engine.frame import SamplerSpec
from explorer.facts import ModelFacts
from explorer.request import AxisName
from explorer.state import State
from explorer.ui.controls import named

WAYS: dict[AxisName, str] = {
    "sampler": "Names of samplers, such as “ddim, heun”; + lists them",
    "steps": "Steps of the run, such as “5, 10, 50”; “1–8” is a range",
    "sampler_seed": "Seeds of x_T and of the run's noise, such as “0–7”",
    "label": "Labels y, such as “all”, “none” or some names; + lists them",
    "guidance_scale": "γ of the guidance: 0 is unconditional, 1 conditional, above 1 guided",
    "eta": "η, fresh noise: 0 is deterministic, 1 has the variance σ_q² of ancestral sampling",
    "step_size": "The step size of Langevin samplers, c = ½ · step size · s(t)²",
}
MOST_IN_MENU = 40
TITLE_WIDTH = 58
"""Pixels: of what stands before the fields of the tab Grid."""


class AxisField(QWidget):
    """wanted: Return was pressed among the values."""

    wanted = Signal()

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._texts: dict[AxisName, str] = {}
        self._samplers: Sequence[SamplerSpec] = ()
        self._facts: ModelFacts | None = None
        self._state = State()
        what = f"What varies along the {title.lower()}"
        self._axis = named(QComboBox(), f"{name}Combo", what, f"{what} of the grid")
        self._axis.currentIndexChanged.connect(lambda _: self._show_values())
        self._values = QLineEdit()
        self._values.setObjectName(f"{name}Edit")
        self._values.setAccessibleName(f"Values along the {title.lower()}")
        self._values.textEdited.connect(self._keep)
        self._values.returnPressed.connect(self.wanted)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._more = named(QToolButton(), f"{name}Button", f"Pick values along the {title.lower()}", "Pick from a list")
        self._more.setText("+")
        self._more.setFixedWidth(24)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(self._menu)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        heading = QLabel(title)
        heading.setMinimumWidth(TITLE_WIDTH)
        layout.addWidget(heading, 0, 0)
        layout.addWidget(self._axis, 0, 1)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self._values, 1)
        line.addWidget(self._more)
        layout.addLayout(line, 1, 0, 1, 2)
        layout.setColumnStretch(1, 1)

    @property
    def name(self) -> AxisName:
        """What is varied."""
        name: AxisName = self._axis.currentData() or "steps"
        return name

    @property
    def text(self) -> str:
        """Its values, as they are written."""
        return self._values.text()

    def set_samplers(self, samplers: Sequence[SamplerSpec]) -> None:
        """Those that the list offers."""
        self._samplers = samplers

    def set_model(self, facts: ModelFacts, state: State, names: Sequence[AxisName], chosen: AxisName) -> None:
        """Offer what can be varied with a model; what was written for another one is forgotten."""
        same = self._facts is not None and self._facts.path == facts.path
        self._texts = {n: text for n, text in self._texts.items() if n != "label"} if same else {}
        self._facts, self._state = facts, state
        with QSignalBlocker(self._axis):
            self._axis.clear()
            for name in names:
                self._axis.addItem(TITLES[name], name)
            self._axis.setCurrentIndex(max(self._axis.findData(chosen), 0))
        self._show_values()

    def _show_values(self) -> None:
        if self._facts is None:
            return
        name = self.name
        self._values.setText(self._texts.get(name, default_text(name, self._facts, self._state)))
        self._values.setCursorPosition(0)
        self._values.setToolTip(WAYS[name])
        self._more.setVisible(name in ("sampler", "label"))

    def _keep(self, text: str) -> None:
        self._texts[self.name] = text

    def _fill_menu(self) -> None:
        """Every value, to be taken or left."""
        assert self._facts is not None
        self._menu.clear()
        offered = [(spec.name, spec.label) for spec in self._samplers if not spec.group]
        offered = [(n, label) for n, label in offered if n != "mala" or self._facts.density_known]
        if self.name == "label":
            labels = self._facts.labels(self._state.guidance_kind)[:MOST_IN_MENU]
            offered = [(NO_LABEL, "no label"), *((label, label) for label in labels)]
        chosen = self._words()
        for value, label in offered:
            action = self._menu.addAction(label)
            action.setCheckable(True)
            action.setChecked(value in chosen)
            action.toggled.connect(partial(self._take, value))

    def _words(self) -> list[str]:
        words = [word.strip() for word in self._values.text().split(",") if word.strip()]
        assert self._facts is not None
        if self.name == "label" and words == ["all"]:
            return list(self._facts.labels(self._state.guidance_kind))
        return words

    def _take(self, value: str, on: bool) -> None:
        words = [word for word in self._words() if word != value]
        self._values.setText(", ".join([*words, value] if on else words))
        self._keep(self._values.text())
