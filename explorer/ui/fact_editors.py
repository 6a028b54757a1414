"""An editor for each fact that can be set: a list, a number or a line of text, as the fact needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from explorer.facts import ModelFacts
from explorer.formats.adjusted import variance_name
from explorer.formats.corrections import ACTIVATIONS, QKV_ORDERS
from explorer.formats.schedule_names import MAX_T, SCHEDULE_ARGUMENTS
from explorer.ui.controls import inset
from explorer.ui.place_editor import place_editor
from explorer.ui.short_text import capital

Changed = Callable[[str, Any], None]
"""key, value as text or as a card has it"""

TIPS = {
    "title": "The name shown in the window",
    "prediction": "What the network's output means: ε̂, v̂ = a ε̂ − s x̂₀, x̂₀, the velocity û = ε̂ − x̂₀, or the score −ε̂/s",
    "class_names": "Names of the labels 0, 1, …, with commas between them",
    "null_label": "The class index that stands for “no label”; guidance needs one",
    "value_range": "The numbers that black and white have for the network, such as −1, 1 or 0, 1",
    "schedule": "The noise schedule the network was trained with: a(t) and s(t) of x_t = a x₀ + s ε. Its numbers as "
    "beta_start=0.0001, beta_end=0.02",
    "T": "The number of times; t goes from 0 (data) to T (noise)",
    "time_offset": "Added to the index i = t − 1 that the network is told",
    "time_scale": "What the index i = t − 1 that the network is told is multiplied with",
    "time_reversed": "Reversed: the network is told T − t in place of t − 1",
    "variance": "σ² of a step x_t → x_{t−1}: σ_q² of the posterior (fixed_small), β (fixed_large), or the network's "
    "own, as log σ² between these two (learned_range) or as it is (learned)",
    "weights": "Which set of weights is used; ema is the running mean of training",
    "size": "Height and width of pictures, such as 64 or 64×96; the number of channels is that of the weights",
    "preset": "The published configuration that the file belongs to",
    "kind": "What one sample is: a picture, a latent of an autoencoder, a point in the plane or a number",
    "format": "Which format's network and conventions read the file",
    "heads": "Into how many heads attention is split, such as 4; or how wide each of them is: of 64 channels",
    "qkv_order": "How one weight holds queries, keys and values: those of each head together, or all queries first",
    "activation": "The nonlinearity between convolutions",
    "groups": "Into how many groups of channels the norms are split",
    "time_input": "What the network is told: index t − 1, time t, fraction t/T, σ of x₀ + σ ε, ¼ log σ, or log SNR",
    "labels": "How many labels the network takes as its third input, the null label among them; 0 for none",
    "autoencoder": "The autoencoder D of these latents, a folder or file; then D(x_t) and D(x̂₀) are shown too",
}
PREDICTIONS = (("eps", "ε (noise)"), ("v", "v"), ("x0", "x₀ (data)"), ("flow", "û (flow)"), ("score", "score"))
VARIANCES = (
    ("fixed_small", "posterior (fixed_small)"),
    ("fixed_large", "β (fixed_large)"),
    ("learned_range", "learned, between both"),
    ("learned", "learned, σ² itself"),
)
RANGES = ("-1, 1", "0, 1", "0, 255")
NAMED = {"qkv_order": QKV_ORDERS, "activation": ACTIVATIONS}
KINDS = {"image": "pictures", "latent": "latents", "points": "points in the plane", "line": "numbers on a line"}
TIMES = {
    "index": "index t − 1",
    "time": "time t",
    "fraction": "fraction t/T",
    "sigma": "σ",
    "quarter_log_sigma": "¼ log σ",
    "log_snr": "log SNR",
}


def make_editor(key: str, facts: ModelFacts, name: str, changed: Changed) -> QWidget:
    """The editor of a fact, showing what is in force."""
    editor = _make(key, facts, changed)
    editor.setObjectName(f"fact:{key}")
    editor.setAccessibleName(name)
    editor.setToolTip(TIPS[key])
    editor.setMinimumWidth(60)
    return editor


def numbers_editor(facts: ModelFacts, changed: Changed) -> QLineEdit:
    """The numbers of the schedule, as text."""
    schedule = facts.schedule_numbers
    assert schedule is not None
    text = ", ".join(f"{key}={value:g}" for key, value in schedule.arguments)
    line = QLineEdit(text)
    line.setObjectName("fact:schedule_numbers")
    line.setAccessibleName("Numbers of the noise schedule")
    known = ", ".join(SCHEDULE_ARGUMENTS.get(schedule.name, {}))
    line.setPlaceholderText("default numbers")
    line.setToolTip(f"The schedule's numbers; {schedule.name} has {known or 'none'}")
    line.setCursorPosition(0)

    def finished() -> None:
        if line.text() != text:
            rest = line.text().strip()
            changed("schedule", f"{schedule.name}:{rest}" if rest else schedule.name)

    line.editingFinished.connect(finished)
    return line


def _make(key: str, facts: ModelFacts, changed: Changed) -> QWidget:
    if key == "prediction":
        return _combo(key, PREDICTIONS, facts.prediction, changed)
    if key == "weights":
        return _combo(key, tuple((name, name) for name in facts.weight_sets), facts.weights, changed)
    if key == "preset":
        return _combo(key, tuple((name, name) for name in facts.presets), facts.preset, changed)
    if key == "format":
        return _combo(key, tuple((name, name) for name in facts.formats), facts.format, changed)
    if key == "kind":
        return _combo(key, tuple((kind, KINDS[kind]) for kind in facts.kinds), facts.kind, changed)
    if key == "time_input":
        return _combo(key, tuple(TIMES.items()), facts.settings[key], changed)
    if key in NAMED:
        return _combo(key, tuple((name, name) for name in NAMED[key]), facts.settings[key], changed)
    if key in ("groups", "labels"):
        return _whole(key, facts.settings[key], 0 if key == "labels" else 1, MAX_T, changed)
    if key == "time_reversed":
        directions = ((False, "noise grows with t"), (True, "reversed"))
        return _combo(key, directions, facts.time_input.reversed, changed)
    if key == "variance":
        choices = VARIANCES if facts.learned_variance is not None else VARIANCES[:2]
        return _combo(key, choices, variance_name(facts), changed)
    if key == "schedule":
        names = tuple((name, name) for name in SCHEDULE_ARGUMENTS)
        own = facts.schedule_numbers.name if facts.schedule_numbers is not None else facts.schedule
        return _combo(key, names if own in SCHEDULE_ARGUMENTS else ((None, own), *names), own, changed, named=True)
    if key == "T":
        return _whole(key, facts.T, 1, MAX_T, changed)
    if key == "null_label":
        return _whole(key, -1 if facts.null_label is None else facts.null_label, -1, MAX_T, changed)
    if key == "time_offset":
        return _decimal(key, facts.time_input.offset, -float(MAX_T), float(MAX_T), changed)
    if key == "time_scale":
        return _decimal(key, facts.time_input.scale, 0.001, 1e4, changed)
    if key == "value_range":
        return _range(facts, changed)
    if key == "autoencoder":
        return place_editor(facts.autoencoder or "", changed)
    if key == "heads":
        return _line(key, str(facts.settings[key]), changed)
    text = {"title": facts.title, "class_names": ", ".join(facts.class_names)}.get(key)
    if text is None:
        text = "×".join(map(str, facts.shape))
    return _line(key, text, changed)


def _combo(
    key: str, choices: tuple[tuple[Any, str], ...], value: Any, changed: Changed, named: bool = False
) -> QComboBox:
    combo = QComboBox()
    for data, text in choices:
        combo.addItem(capital(text), data)
    place = next((i for i, (data, text) in enumerate(choices) if value in (data, text)), 0)
    combo.setCurrentIndex(place)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def chosen() -> None:
        data = combo.currentData()
        if data is not None:
            changed(key, {"name": data} if named else data)

    combo.currentIndexChanged.connect(lambda _: chosen())
    return combo


def _whole(key: str, value: int, low: int, high: int, changed: Changed) -> QSpinBox:
    spin = QSpinBox()
    inset(spin)
    spin.setRange(low, high)
    if low < 0:
        spin.setSpecialValueText("none")
    spin.setKeyboardTracking(False)
    spin.setValue(value)
    spin.valueChanged.connect(lambda number: changed(key, None if number < 0 else number))
    return spin


def _decimal(key: str, value: float, low: float, high: float, changed: Changed) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    inset(spin)
    spin.setRange(low, high)
    spin.setDecimals(3 if key == "time_scale" else 1)
    spin.setKeyboardTracking(False)
    spin.setValue(value)
    spin.valueChanged.connect(lambda number: changed(key, number))
    return spin


def _range(facts: ModelFacts, changed: Changed) -> QComboBox:
    combo = QComboBox()
    combo.setEditable(True)
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    own = f"{facts.value_range[0]:g}, {facts.value_range[1]:g}"
    combo.addItems([*dict.fromkeys((own, *RANGES))])
    line = combo.lineEdit()
    assert line is not None

    def finished() -> None:
        if combo.currentText() != own:
            changed("value_range", combo.currentText())

    combo.activated.connect(lambda _: finished())
    line.editingFinished.connect(finished)
    with QSignalBlocker(combo):
        combo.setCurrentText(own)
    return combo


def _line(key: str, text: str, changed: Changed) -> QLineEdit:
    line = QLineEdit(text)
    line.setCursorPosition(0)

    def finished() -> None:
        if line.text() != text:
            changed(key, line.text())

    line.editingFinished.connect(finished)
    return line
