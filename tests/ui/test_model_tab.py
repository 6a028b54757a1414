"""The tab “Model”: facts with their sources, set and taken back; the probe, and the strip above the window."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QPushButton, QSpinBox, QToolButton, QWidget

from explorer.engine.probe_frame import ProbeChoice, Probed, ProbeRow, Verdict
from explorer.ui.model_settings import ModelSettings
from explorer.ui.probe_strip import ProbeStrip
from explorer.ui.window import MainWindow


@pytest.fixture
def own(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be written to."""
    folder = tmp_path / "own"
    shutil.copytree(tiny, folder)
    return folder


def child(window: MainWindow, kind: Any, name: str) -> Any:
    """The newest widget of a name: those of before are about to go."""
    found = [widget for widget in window.findChildren(kind, name) if widget.isVisibleTo(widget.parentWidget())]
    assert found, name
    return found[-1]


def card(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "explorer.json").read_text(encoding="utf-8"))
    return values


def test_a_fact_is_set_and_taken_back_and_the_view_stays(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    window.session.change(t=30, noise_seed=7, label=1)
    hand.settle()
    before = window.tile("x0").data().copy()
    combo = child(window, QComboBox, "fact:prediction")
    combo.setCurrentIndex(combo.findData("v"))
    hand.settle()
    assert window.session.facts is not None
    assert window.session.facts.prediction == "v"
    assert card(own)["user"] == {"prediction": "v"}
    assert (window.state.t, window.state.noise_seed, window.state.label) == (30, 7, 1)
    assert (window.tile("x0").data() != before).any()
    child(window, QToolButton, "fact:prediction:reset").click()
    hand.settle()
    assert "user" not in card(own)
    assert (window.tile("x0").data() == before).all()


def test_what_cannot_be_set_says_why_and_the_variance_can(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    for name, why in (("network", "the weights are made for it"), ("format", "no other format recognises it")):
        (label,) = (label for label in window.findChildren(QLabel) if label.accessibleName() == name)
        assert f"cannot be set: {why}" in label.toolTip()
    combo = child(window, QComboBox, "fact:variance")
    assert [combo.itemData(i) for i in range(combo.count())] == ["fixed_small", "fixed_large"]
    combo.setCurrentIndex(1)
    hand.settle()
    assert window.session.facts is not None
    assert window.session.facts.sampler_defaults["variance"] == "beta"
    assert card(own)["user"] == {"variance": "fixed_large"}
    sampler = hand.combo("samplerCombo")
    sampler.setCurrentIndex(sampler.findData("ddpm"))
    hand.settle()
    assert child(window, QComboBox, "sampler:variance").currentData() == "beta"


def test_pictures_of_another_size_and_what_the_network_has_no_place_for(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    line = child(window, QLineEdit, "fact:size")
    assert line.text() == "1×8×8"
    line.setText("12×16")
    line.editingFinished.emit()
    hand.settle()
    assert window.tile("x0").data().shape == (1, 1, 12, 16)
    assert card(own)["user"] == {"size": [12, 16]}
    line = child(window, QLineEdit, "fact:size")
    line.setText("3×12×16")
    line.editingFinished.emit()
    hand.settle()
    assert hand.sentences[-1] == "The shape cannot have 3 channels: the weights are made for 1."
    assert child(window, QLineEdit, "fact:size").text() == "1×12×16"
    window.session.change(source="reverse", steps=3)
    hand.settle()
    assert window.tile("x_t").data().shape == (1, 1, 12, 16)
    child(window, QToolButton, "fact:size:reset").click()
    hand.settle()
    assert window.tile("x_t").data().shape == (1, 1, 8, 8)


def test_a_run_is_made_again_up_to_the_step_on_show(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    window.session.change(steps=6, source="reverse")
    hand.settle()
    window.session.step()
    hand.settle()
    window.session.step()
    hand.settle()
    step = window.state.step
    child(window, QSpinBox, "fact:T").setValue(50)
    hand.settle()
    assert window.session.facts is not None
    assert window.session.facts.T == 50
    assert (window.state.source, window.state.step) == ("reverse", step)


def test_what_the_probe_found_is_offered_and_used(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    settings = window.findChild(ModelSettings)
    strip = window.findChild(ProbeStrip, "probeStrip")
    assert settings is not None
    assert strip is not None
    assert strip.isHidden()
    verdict = Verdict(
        "prediction", "prediction type", "contradicts", "ε-prediction", "v-prediction", "It behaves like v.", "v", 9.0
    )
    row = ProbeRow("v", "−1 … 1", "cosine", "as stated", 0.3, 0.0, 1e-6, False, True)
    choices = tuple(
        ProbeChoice("time_offset", text, behind, 0.001, text == "0", text == "0")
        for text, behind in (("0", 0.0), ("+1", 0.1))
    )
    settings.probed.emit(Probed((row,), (verdict,), "It behaves like v.", "2 samples", 1, choices, "One set."))
    assert not strip.isHidden()
    assert strip.text.text() == "It behaves like v."
    child(window, QPushButton, "showProbeButton").click()
    table = window.findChild(QWidget, "probeTable")
    assert table is not None
    assert table.isVisibleTo(window)
    texts = [label.text() for label in table.findChildren(QLabel)]
    for text in ("✗ Prediction type", "v, not ε", "9 σ", "0.300", "+0.1000 ± 0.0010", "0 ◂", "One set."):
        assert text in texts
    child(window, QPushButton, "useProbedButton").click()
    hand.settle()
    assert window.session.facts is not None
    assert window.session.facts.prediction == "v"
    assert card(own)["probed"] == {"prediction": "v"}
    assert strip.isHidden()


def test_several_contradictions_are_one_sentence_above_the_window(make_hand: Any, own: Path) -> None:
    window: MainWindow = make_hand(own).window
    settings = window.findChild(ModelSettings)
    strip = window.findChild(ProbeStrip, "probeStrip")
    assert settings is not None
    assert strip is not None
    row = ProbeRow("v", "−1 … 1", "cosine", "as stated", 0.3, 0.0, 1e-6, False, True)
    verdicts = (
        Verdict("prediction", "prediction type", "contradicts", "ε-prediction", "v-prediction", "Like v.", "v", 9.0),
        Verdict("time_offset", "time offset", "contradicts", "+1", "0", "Offset 0.", 0.0, 7.0),
        Verdict("schedule", "noise schedule", "unclear", "cosine", "", "Cannot tell."),
    )
    settings.probed.emit(Probed((row,), verdicts, "Like v. Offset 0.", "2 samples", 1))
    expected = "The network contradicts 2 facts: prediction type v-prediction, not ε-prediction; time offset 0, not +1."
    assert strip.text.text() == expected
    assert child(window, QPushButton, "useProbedButton").text() == "Use probed values"


def test_the_probe_takes_the_pictures_of_a_folder(
    make_hand: Any, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window: MainWindow = make_hand(own).window
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    asked: list[Any] = []
    settings = window.findChild(ModelSettings)
    assert settings is not None
    monkeypatch.setattr(settings.job, "begin", asked.append)
    child(window, QToolButton, "probeFolderButton").click()
    assert [request.picture for request in asked] == [str(tmp_path)]


def test_the_probe_runs_and_can_be_stopped(make_hand: Any, own: Path) -> None:
    hand = make_hand(own)
    window: MainWindow = hand.window
    child(window, QPushButton, "probeButton").click()
    child(window, QPushButton, "probeStopButton").click()
    hand.settle()
    child(window, QPushButton, "probeButton").click()
    hand.settle()
    table = window.findChild(QWidget, "probeTable")
    assert table is not None


def test_an_autoencoder_is_chosen_in_the_tab(make_hand: Any, tmp_path: Path) -> None:
    """Latents are shown as they are until it is; then they are decoded, too."""
    torch = pytest.importorskip("torch")
    from tests.formats.reference import read_reference
    from tests.formats.test_autoencoders import write_vae

    reference, file = read_reference("dit"), tmp_path / "dit" / "DiT.pt"
    file.parent.mkdir()
    torch.save(reference.state | {"pos_embed": reference.tensor("pos_embed")}, file)
    write_vae(tmp_path / "pictures")
    hand = make_hand(file)
    window: MainWindow = hand.window
    assert window.state.source == "reverse"  # it comes without pictures
    line = child(window, QLineEdit, "fact:autoencoder")
    line.setFocus()
    QTest.keyClicks(line, "../pictures")
    QTest.keyClick(line, Qt.Key.Key_Return)
    hand.settle()
    assert window.session.facts is not None
    assert (window.session.facts.kind, window.session.facts.picture_shape) == ("latent", (3, 16, 16))
    assert json.loads(file.with_name("DiT.explorer.json").read_text())["user"] == {"autoencoder": "../pictures"}
    assert window.tile("x0_decoded").data().shape[-3:] == (3, 16, 16)
