"""A control for each kind of parameter, made from its description alone."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.diffusion.samplers import SAMPLERS
from explorer.engine.frame import ParameterSpec
from explorer.ui.parameter_form import ParameterForm

CHECK = ParameterSpec("clip", "Clip x̂₀", "Limits x̂₀", True, None, None, ())
COMBO = ParameterSpec("spacing", "Spacing", "Which times", "leading", None, None, ("leading", "trailing"))
WHOLE = ParameterSpec("inner", "Inner steps", "How many", 20, 1, 1000, ())
NUMBER = ParameterSpec("eta", "η", "Fresh noise", 0.0, 0.0, 1.0, ())
SMALL = ParameterSpec("sigma_min", "Last σ", "σ at the end", 0.02, 0.0001, 100.0, ())


class Form:
    """A ParameterForm, and what it emitted."""

    def __init__(self, qtbot: QtBot, *specs: ParameterSpec, **values: Any) -> None:
        self.qtbot = qtbot
        self.form = ParameterForm()
        qtbot.addWidget(self.form)
        self.form.show_parameters(specs, values)
        self.emitted: list[tuple[str, Any]] = []
        self.form.changed.connect(lambda name, value: self.emitted.append((name, value)))
        self.form.show()

    def control(self, name: str) -> Any:
        control = self.form.findChild(QWidget, f"sampler:{name}")
        assert isinstance(control, QWidget)
        return control


def test_a_yes_or_no(qtbot: QtBot) -> None:
    form = Form(qtbot, CHECK)
    check = form.control("clip")
    assert isinstance(check, QCheckBox)
    assert check.isChecked()
    assert (check.text(), check.toolTip(), check.accessibleName()) == ("Clip x̂₀", "Limits x̂₀", "Clip x̂₀")
    QTest.keyClick(check, Qt.Key.Key_Space)
    assert form.emitted == [("clip", False)]
    assert not Form(qtbot, CHECK, clip=False).control("clip").isChecked()


def test_one_of_several(qtbot: QtBot) -> None:
    form = Form(qtbot, COMBO, spacing="trailing")
    combo = form.control("spacing")
    assert isinstance(combo, QComboBox)
    assert combo.currentData() == "trailing"
    QTest.keyClick(combo, Qt.Key.Key_Up)
    assert form.emitted == [("spacing", "leading")]
    assert any(label.text() == "Spacing" for label in form.form.findChildren(QLabel))
    assert Form(qtbot, COMBO, spacing="unheard of").control("spacing").currentData() == "leading"


def test_a_whole_number(qtbot: QtBot) -> None:
    form = Form(qtbot, WHOLE, inner=5)
    spin = form.control("inner")
    assert isinstance(spin, QSpinBox)
    assert (spin.value(), spin.minimum(), spin.maximum()) == (5, 1, 1000)
    spin.selectAll()
    QTest.keyClicks(spin, "17")
    assert form.emitted == [], "1 was not meant"
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert form.emitted == [("inner", 17)]
    QTest.keyClick(spin, Qt.Key.Key_Up)
    assert form.emitted[1:] == [("inner", 18)]


def test_a_decimal_number(qtbot: QtBot) -> None:
    form = Form(qtbot, NUMBER)
    spin = form.control("eta")
    assert isinstance(spin, QDoubleSpinBox)
    assert (spin.value(), spin.minimum(), spin.maximum()) == (0.0, 0.0, 1.0)
    spin.selectAll()
    QTest.keyClicks(spin, "0.25")
    assert form.emitted == []
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert form.emitted == [("eta", 0.25)]


def test_a_small_number_keeps_its_digits(qtbot: QtBot) -> None:
    spin = Form(qtbot, SMALL, sigma_min=0.0003).control("sigma_min")
    assert spin.value() == pytest.approx(0.0003)
    assert spin.cleanText() == "0.0003"


@pytest.mark.parametrize("value", [0.05, 1e-5, 250.0, 1e6])
def test_a_value_beyond_what_is_offered_is_shown_as_it_is(qtbot: QtBot, value: float) -> None:
    spec = ParameterSpec("clip_range", "Clip range", "", 1.0, 0.1, 100.0, ())
    form = Form(qtbot, spec, clip_range=value)
    assert form.control("clip_range").value() == pytest.approx(value)
    other = Form(qtbot, spec)
    other.form.set_values({"clip_range": value})
    assert other.control("clip_range").value() == pytest.approx(value)
    assert form.emitted == other.emitted == []


def test_values_set_elsewhere_are_shown_without_an_echo(qtbot: QtBot) -> None:
    form = Form(qtbot, CHECK, COMBO, WHOLE, NUMBER)
    form.form.set_values({"clip": False, "spacing": "trailing", "inner": 3, "eta": 0.5, "unknown": 1})
    shown = (
        form.control("clip").isChecked(),
        form.control("spacing").currentData(),
        form.control("inner").value(),
        form.control("eta").value(),
    )
    assert shown == (False, "trailing", 3, 0.5)
    assert form.emitted == []


def test_another_sampler_s_controls_replace_them(qtbot: QtBot) -> None:
    form = Form(qtbot, CHECK, COMBO)
    form.form.show_parameters((NUMBER,), {})
    qtbot.wait(1)
    names = {w.objectName() for w in form.form.findChildren(QWidget) if w.objectName().startswith("sampler:")}
    assert names == {"sampler:eta"}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_gets_its_form_with_its_defaults(qtbot: QtBot, sampler: str) -> None:
    specs = []
    for f in fields(SAMPLERS[sampler].parameters):
        assert f.default is not MISSING
        meta = f.metadata
        limits = meta["minimum"], meta["maximum"]
        specs.append(ParameterSpec(f.name, meta["label"], meta["help"], f.default, *limits, meta["choices"]))
    form = Form(qtbot, *specs)
    for spec in specs:
        control = form.control(spec.name)
        assert control.toolTip() == spec.help
        if isinstance(control, QCheckBox):
            assert control.isChecked() == spec.default
        elif isinstance(control, QComboBox):
            assert control.currentData() == spec.default
        elif isinstance(control, QSpinBox | QDoubleSpinBox):
            assert control.value() == pytest.approx(spec.default)


def test_the_tab_key_goes_through_the_parameters_from_what_is_above_them(qtbot: QtBot) -> None:
    body = QWidget()
    qtbot.addWidget(body)
    layout = QVBoxLayout(body)
    above, form, below = QSpinBox(), ParameterForm(), QSpinBox()
    form.follow(above)
    for widget in (above, form, below):
        layout.addWidget(widget)
    form.show_parameters((COMBO, NUMBER), {})
    body.show()
    above.setFocus()
    names = []
    for _ in range(2):
        body.focusNextChild()
        reached = body.focusWidget()
        assert reached is not None
        names.append(reached.objectName())
    assert names == ["sampler:spacing", "sampler:eta"]


def test_what_says_nothing_without_another_is_on_show_with_it_alone(qtbot: QtBot) -> None:
    limit = ParameterSpec("clip_range", "Clip range", "", 1.0, 0.1, 100.0, (), only_with="clip")
    form = Form(qtbot, CHECK, limit, clip=False)
    assert not form.control("clip_range").isVisible()
    QTest.keyClick(form.control("clip"), Qt.Key.Key_Space)
    assert form.control("clip_range").isVisible()
    form.form.set_values({"clip": False})
    assert not form.control("clip_range").isVisible()
