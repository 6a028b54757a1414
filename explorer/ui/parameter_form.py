"""A form made from a sampler's typed parameters: no sampler contains interface code, no form names a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from explorer.engine.frame import ParameterSpec
from explorer.ui.controls import inset
from explorer.ui.field_column import align
from explorer.ui.short_text import capital

UNLIMITED = 10**6
SYMBOLS = {
    "beta_tilde": "Posterior β̃",
    "beta": "Forward β",
    "learned": "Learned",
    "euler_maruyama": "Euler–Maruyama",
    "ncsn": "NCSN",
}
"""Values of parameters that are no words."""

EXAMPLES = {"times": "999, 800, 600, …"}
"""What an empty line shows."""


class ParameterForm(QWidget):
    """One control a parameter, named `sampler:NAME`, or with another prefix."""

    changed = Signal(str, object)
    """name, value"""

    def __init__(self, parent: QWidget | None = None, prefix: str = "sampler") -> None:
        super().__init__(parent)
        self._prefix = prefix
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(5)
        self._label_width = 0
        self._specs: tuple[ParameterSpec, ...] = ()
        self._before: QWidget | None = None
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def set_label_width(self, width: int) -> None:
        """The width of the labels, for forms above this one to share its edge."""
        self._label_width = width
        align(self._form, width)

    def follow(self, before: QWidget) -> None:
        """The Tab key comes to the parameters, whenever they are made, from the control above them."""
        self._before = before

    def show_parameters(self, specs: tuple[ParameterSpec, ...], values: Mapping[str, Any]) -> None:
        """Build the controls anew. values: those that differ from the defaults."""
        while self._form.rowCount():
            self._form.removeRow(0)
        for spec in specs:
            control = self._control(spec, values.get(spec.name, spec.default))
            if isinstance(control, QAbstractSpinBox):
                inset(control)
            control.setObjectName(f"{self._prefix}:{spec.name}")
            control.setAccessibleName(spec.label)
            control.setToolTip(spec.help)
            control.setMinimumWidth(64)
            if isinstance(control, QCheckBox):
                self._form.addRow(control)
            else:
                self._form.addRow(spec.label, control)
        align(self._form, self._label_width)
        before = self._before
        for spec in specs:
            made = self.findChild(QWidget, f"{self._prefix}:{spec.name}")
            if before is not None and made is not None:
                QWidget.setTabOrder(before, made)
                before = made
        self._specs = specs
        for switch in {spec.only_with for spec in specs} - {""}:
            if (check := self.findChild(QCheckBox, f"{self._prefix}:{switch}")) is not None:
                check.toggled.connect(lambda _: self._show_what_counts())
        self._show_what_counts()

    def _show_what_counts(self) -> None:
        """A parameter that says nothing without another is on show with that one alone."""
        for spec in self._specs:
            switch = self.findChild(QCheckBox, f"{self._prefix}:{spec.only_with}") if spec.only_with else None
            control = self.findChild(QWidget, f"{self._prefix}:{spec.name}")
            if switch is not None and control is not None:
                self._form.setRowVisible(control, switch.isChecked())

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values set elsewhere without emitting any."""
        for name, value in values.items():
            control = self.findChild(QWidget, f"{self._prefix}:{name}")
            if control is None:
                continue
            with QSignalBlocker(control):
                if isinstance(control, QCheckBox):
                    control.setChecked(bool(value))
                    self._show_what_counts()
                elif isinstance(control, QComboBox):
                    control.setCurrentIndex(max(control.findData(value), 0))
                elif isinstance(control, QLineEdit):
                    control.setText(str(value))
                    control.setCursorPosition(0)
                elif isinstance(control, QSpinBox):
                    control.setValue(int(value))
                elif isinstance(control, QDoubleSpinBox):
                    _show_number(control, float(value))

    def _control(self, spec: ParameterSpec, value: Any) -> QWidget:
        name = spec.name
        if isinstance(spec.default, bool):
            check = QCheckBox(spec.label)
            check.setChecked(bool(value))
            check.toggled.connect(lambda on: self.changed.emit(name, on))
            return check
        if spec.choices:
            combo = QComboBox()
            for choice in spec.choices:
                combo.addItem(SYMBOLS.get(choice, capital(choice)), choice)
            combo.setCurrentIndex(max(combo.findData(value), 0))
            combo.currentIndexChanged.connect(lambda _: self.changed.emit(name, combo.currentData()))
            return combo
        if isinstance(spec.default, str):
            line = QLineEdit(str(value))
            line.setCursorPosition(0)
            line.setPlaceholderText(EXAMPLES.get(name, ""))
            line.editingFinished.connect(lambda: self.changed.emit(name, line.text()))
            return line
        if isinstance(spec.default, int):
            spin = QSpinBox()
            spin.setRange(int(spec.minimum or 0), int(spec.maximum or UNLIMITED))
            spin.setKeyboardTracking(False)  # 15 is not to pass through 1 while a run listens
            spin.setValue(int(value))
            spin.valueChanged.connect(lambda number: self.changed.emit(name, number))
            return spin
        decimal = QDoubleSpinBox()
        decimal.setRange(spec.minimum or 0.0, UNLIMITED if spec.maximum is None else spec.maximum)
        least = spec.minimum if spec.minimum is not None and spec.minimum > 0 else 1.0
        usual = 3 if abs(spec.default) < 0.1 and spec.default else 2
        decimal.setDecimals(-math.floor(math.log10(least)) if least < 0.001 else usual)
        decimal.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        decimal.setKeyboardTracking(False)
        _show_number(decimal, float(value))
        decimal.valueChanged.connect(lambda number: self.changed.emit(name, number))
        return decimal


def _show_number(decimal: QDoubleSpinBox, value: float) -> None:
    """Show a value, also one beyond what is offered: a model's own configuration may ask for it."""
    decimal.setRange(min(decimal.minimum(), value), max(decimal.maximum(), value))
    rounded = float(f"{value:.3g}")
    needed = next((n for n in range(8) if math.isclose(round(rounded, n), rounded)), 8)
    decimal.setDecimals(max(decimal.decimals(), needed))
    decimal.setValue(value)
