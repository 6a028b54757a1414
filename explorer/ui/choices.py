"""The left side: model, source, condition, sampler and device. Shows a State; emits what the user changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer.engine.frame import Ready, SamplerSpec, ScheduleTable
from explorer.facts import ModelFacts
from explorer.state import State
from explorer.ui import sampler_menu
from explorer.ui.controls import MOST, combo, named, whole
from explorer.ui.field_column import WheelGuard, align, label_width, labels, section
from explorer.ui.guidance_choices import GuidanceChoices
from explorer.ui.icons import icon
from explorer.ui.model_words import describe
from explorer.ui.parameter_form import ParameterForm
from explorer.ui.prompt_choices import PromptChoices
from explorer.ui.scroll_panel import ScrollPanel
from explorer.ui.source_choices import SourceChoices
from explorer.ui.title_button import TitleButton
from explorer.ui.weights_choice import WeightsChoice

SAMPLER_TIP = "How a reverse run goes from noise to data"
STEPS_TIP = "Network calls of a run; for annealed Langevin its noise levels"


class Choices(ScrollPanel):
    """changed(dict): the fields of State the user set. modelMenuWanted: the model menu is about to open."""

    changed = Signal(dict)
    parameterChanged = Signal(str, object)
    redrawClicked = Signal()
    pictureClicked = Signal()
    modelMenuWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, (12, 6, 12, 12))
        self._samplers: dict[str, SamplerSpec] = {}
        self._offered: tuple[SamplerSpec, ...] = ()
        self._sampler_shown = ""
        self._facts: ModelFacts | None = None
        self._described = ""
        self._wheel_guard = WheelGuard(self)
        self._build_model()
        self._build_device()
        self._build_source()
        self._build_condition()
        self._build_sampler()
        self._align(())
        self.column.addStretch(1)
        self._sections.setEnabled(False)

    # Building

    def _body(self) -> QVBoxLayout:
        layout = self._sections.layout()
        assert isinstance(layout, QVBoxLayout)
        return layout

    def _build_model(self) -> None:
        self._model_menu = QMenu(self)
        self._model_menu.aboutToShow.connect(self.modelMenuWanted)
        choose = "Choose a model"
        self._model_button = named(TitleButton(choose, choose), "modelButton", "Model", choose)
        self._model_button.setIcon(icon("open"))
        self._model_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._model_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._model_button.setMenu(self._model_menu)
        self._facts_label = QLabel()
        self._facts_label.setObjectName("muted")
        self._facts_label.setWordWrap(True)
        heading = QLabel("Model")
        heading.setObjectName("sectionTitle")
        self.column.addWidget(heading)
        self.column.addWidget(self._model_button)
        self.column.addWidget(self._facts_label)
        self._sections = QWidget()
        sections = QVBoxLayout(self._sections)
        sections.setContentsMargins(0, 0, 0, 0)
        sections.setSpacing(6)
        self.column.addWidget(self._sections)

    def _build_source(self) -> None:
        self._source = SourceChoices()
        self._source.changed.connect(self.changed)
        self._source.redrawClicked.connect(self.redrawClicked)
        self._source.pictureClicked.connect(self.pictureClicked)
        self._body().addWidget(self._source)

    def add(self, widget: QWidget) -> None:
        """A further section, before the condition."""
        self._body().insertWidget(self._body().indexOf(self._guidance), widget)
        self._align(())

    def _build_condition(self) -> None:
        self._prompts = PromptChoices()
        self._prompts.changed.connect(self.changed)
        self._body().addWidget(self._prompts)
        self._guidance = GuidanceChoices()
        self._guidance.changed.connect(self.changed)
        self._body().addWidget(self._guidance)

    def _build_sampler(self) -> None:
        form = section(self._body(), "Sampler")
        self._sampler = combo("samplerCombo", "Sampler", SAMPLER_TIP)
        self._sampler.currentIndexChanged.connect(lambda _: self.changed.emit({"sampler": self._sampler.currentData()}))
        self._steps = whole("stepsSpin", "Steps", STEPS_TIP)
        self._steps.setMinimum(1)
        self._steps.valueChanged.connect(lambda value: self.changed.emit({"steps": value}))
        self._seed = whole("samplerSeedSpin", "Sampler seed", "x_T and all noise of the run follow from it", MOST)
        self._seed.valueChanged.connect(lambda value: self.changed.emit({"sampler_seed": value}))
        self._steps_label = QLabel("Steps")
        self._sampler_form = form
        form.addRow(self._sampler)
        form.addRow(self._steps_label, self._steps)
        form.addRow("Seed", self._seed)
        self._parameters = ParameterForm()
        self._parameters.follow(self._seed)
        self._parameters.changed.connect(self.parameterChanged)
        self._body().addWidget(self._parameters)

    def _build_device(self) -> None:
        form = section(self._body(), "")
        self._device = combo("deviceCombo", "Device", "Where the network runs")
        self._device.addItem("auto", "auto")
        self._device.currentIndexChanged.connect(lambda _: self.changed.emit({"device": self._device.currentData()}))
        form.addRow("Device", self._device)
        self.weights = WeightsChoice()
        form.addRow("Weights", self.weights)
        form.setRowVisible(self.weights, False)
        self._device_form = form

    def _align(self, parameters: Iterable[str]) -> None:
        """One edge for all fields, whichever sampler's parameters are on show."""
        forms = self.findChildren(QFormLayout)
        width = label_width(self.fontMetrics(), (*labels(forms), *parameters))
        for form in forms:
            align(form, width)
        self._parameters.set_label_width(width)
        self._wheel_guard.watch(self)

    # Showing

    @property
    def model_menu(self) -> QMenu:
        """Filled by the window when it is about to open."""
        return self._model_menu

    def set_engine(self, ready: Ready) -> None:
        """Offer the engine's samplers and devices."""
        self._offered = ready.samplers
        self._samplers = {sampler.name: sampler for sampler in (*ready.samplers, *ready.chain_samplers)}
        self._align(spec.label for sampler in ready.samplers for spec in sampler.parameters)
        with QSignalBlocker(self._sampler), QSignalBlocker(self._device):
            sampler_menu.fill(self._sampler, ready.samplers)
            self._device.clear()
            for device in ready.devices:
                self._device.addItem(device, device)

    def offer_samplers(self, schedule: ScheduleTable) -> None:
        """Grey the samplers that cannot run on the model, or on this schedule."""
        if self._facts is not None:
            with QSignalBlocker(self._sampler):
                sampler_menu.offer(self._sampler, self._offered, self._facts, schedule)

    def show_opening(self, facts: ModelFacts | None) -> None:
        """What is known of a model that is being read; None where it does not come after all."""
        if facts is not None:
            self._facts_label.setText(f"Reading {facts.title}: {describe(facts)}")
        else:
            self._facts_label.setText(self._described)

    def set_facts(self, facts: ModelFacts, device: str) -> None:
        """Offer what a model can do."""
        self._facts, self._described = facts, describe(facts, device)
        self._sampler_shown = ""  # another model has other defaults
        self._model_button.set_title(facts.title)
        self._facts_label.setText(self._described)
        self._facts_label.setToolTip(facts.summary)
        self._sections.setEnabled(True)
        self.weights.set_facts(facts)
        self._device_form.setRowVisible(self.weights, len(facts.weight_sets) > 1)
        self._prompts.set_facts(facts)
        self._source.set_facts(facts)
        self._guidance.set_facts(facts)
        self._show_family(facts)
        with QSignalBlocker(self._steps):
            self._steps.setMaximum(max(facts.T, 1000))

    def _show_family(self, facts: ModelFacts) -> None:
        """A latent chain has one way down, a level a step, and no condition."""
        diffusion = facts.family == "diffusion"
        self._guidance.setVisible(diffusion)
        self._sampler_form.setRowVisible(self._sampler, diffusion)
        self._sampler_form.setRowVisible(self._steps, diffusion)

    def set_state(self, state: State) -> None:
        """Show the user's choices without emitting any."""
        self._source.set_state(state)
        self._prompts.set_state(state)
        self._guidance.set_state(state)
        blocked = [QSignalBlocker(widget) for widget in (self._sampler, self._steps, self._seed, self._device)]
        self._steps.setValue(state.steps)
        self._seed.setValue(state.sampler_seed)
        self._device.setCurrentIndex(max(self._device.findData(state.device), 0))
        self._sampler.setCurrentIndex(self._sampler.findData(state.sampler))
        sampler_menu.describe(self._sampler, SAMPLER_TIP)
        del blocked

    def set_parameters(self, sampler: str, values: Mapping[str, Any]) -> None:
        """Show a sampler's own controls. values: those that differ from its defaults."""
        spec = self._samplers.get(sampler)
        if sampler == self._sampler_shown and spec is not None:
            self._parameters.set_values({p.name: p.default for p in spec.parameters} | dict(values))
        elif spec is not None:
            self._sampler_shown = sampler
            self._steps_label.setText(spec.steps_label)
            self._parameters.show_parameters(spec.parameters, values)
            self._wheel_guard.watch(self)
        listed = values.get("spacing") == "custom"
        self._steps.setEnabled(not listed)
        self._steps.setToolTip("The list of times sets the number of steps" if listed else STEPS_TIP)

    def restyle(self) -> None:
        """Icons in the theme's colours."""
        self._model_button.setIcon(icon("open"))
        self._source.restyle()
