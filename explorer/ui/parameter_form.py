"""A form made from a sampler's typed parameters: no sampler contains interface code, no form names a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from explorer.engine.frame import ParameterSpec

UNLIMITED = 10**6
SYMBOLS = {"beta_tilde": "β̃ (posterior)", "beta": "β (forward)"}


class ParameterForm(QWidget):
    """One control a parameter, named `sampler:NAME`."""

    changed = Signal(str, object)
    """name, value"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(6)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def show_parameters(self, specs: tuple[ParameterSpec, ...], values: Mapping[str, Any]) -> None:
        """Build the controls anew. values: those that differ from the defaults."""
        while self._form.rowCount():
            self._form.removeRow(0)
        for spec in specs:
            control = self._control(spec, values.get(spec.name, spec.default))
            control.setObjectName(f"sampler:{spec.name}")
            control.setAccessibleName(spec.label)
            control.setToolTip(spec.help)
            control.setMinimumWidth(64)
            if isinstance(control, QCheckBox):
                self._form.addRow(control)
            else:
                self._form.addRow(spec.label, control)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values set elsewhere without emitting any."""
        for name, value in values.items():
            control = self.findChild(QWidget, f"sampler:{name}")
            if control is None:
                continue
            with QSignalBlocker(control):
                if isinstance(control, QCheckBox):
                    control.setChecked(bool(value))
                elif isinstance(control, QComboBox):
                    control.setCurrentIndex(max(control.findData(value), 0))
                elif isinstance(control, QSpinBox):
                    control.setValue(int(value))
                elif isinstance(control, QDoubleSpinBox):
                    control.setValue(float(value))

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
                combo.addItem(SYMBOLS.get(choice, choice), choice)
            combo.setCurrentIndex(max(combo.findData(value), 0))
            combo.currentIndexChanged.connect(lambda _: self.changed.emit(name, combo.currentData()))
            return combo
        if isinstance(spec.default, int):
            spin = QSpinBox()
            spin.setRange(int(spec.minimum or 0), int(spec.maximum or UNLIMITED))
            spin.setValue(int(value))
            spin.valueChanged.connect(lambda number: self.changed.emit(name, number))
            return spin
        decimal = QDoubleSpinBox()
        decimal.setRange(spec.minimum or 0.0, UNLIMITED if spec.maximum is None else spec.maximum)
        decimal.setDecimals(
            4 if (spec.minimum or 1.0) < 0.001 else 3 if abs(spec.default) < 0.1 and spec.default else 2
        )
        decimal.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        decimal.setValue(float(value))
        decimal.valueChanged.connect(lambda number: self.changed.emit(name, number))
        assert math.isclose(decimal.value(), float(value), abs_tol=10 ** -decimal.decimals()), spec
        return decimal
