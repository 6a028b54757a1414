"""Opening a model that takes long to read: its facts at once, how far it is, and the way to stop it."""

from __future__ import annotations

import json
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QProgressBar, QPushButton

from explorer.facts import ModelFacts
from explorer.formats import registry
from explorer.formats.tensors import Weights
from explorer.state import State
from explorer.ui.model_panel import ModelPanel
from explorer.ui.session.opener import state_again
from tests.formats.reference import read_reference
from tests.ui.hand import Hand


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The tensors of the file other.safetensors after its third wait for this."""
    opened, read, seen = threading.Event(), Weights.read, list[str]()

    def waiting(weights: Weights, name: str, device: Any) -> Any:
        seen.append(name)
        if len(seen) > 3:
            assert opened.wait(60)
        return read(weights, name, device)

    monkeypatch.setattr(Weights, "read", waiting)
    yield opened
    opened.set()


def test_facts_progress_and_cancel(hand: Hand, tiny_copy: Path, gate: threading.Event) -> None:
    before = hand.session.facts
    progress, cancel = hand.find(QProgressBar, "progressBar"), hand.find(QPushButton, "cancelButton")
    panel = hand.find(ModelPanel)
    hand.window.open(str(tiny_copy))
    # What it is stands there before anything of its weights is read, and nothing of it can be set yet.
    hand.until(lambda: "which is being read" in heading(panel))
    assert not [combo for combo in panel.findChildren(QComboBox, "fact:prediction") if not combo.isHidden()][1:]
    hand.until(lambda: progress.isVisible() and progress.maximum() == 1000 and progress.value() > 0)
    assert progress.value() < 1000
    assert cancel.isVisible()
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    gate.set()
    hand.settle()
    assert not progress.isVisible()
    assert hand.session.facts == before, "what was open stays"
    assert heading(panel) == "What is known"
    hand.window.open(str(tiny_copy))
    hand.settle()
    assert hand.session.facts is not None
    assert Path(hand.session.facts.path) == tiny_copy
    assert not progress.isVisible()


def heading(panel: ModelPanel) -> str:
    return next(label.text() for label in panel.findChildren(QLabel) if label.text().startswith("What is known"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process reads is counted in /proc")
def test_facts_of_a_large_file_without_reading_it(tmp_path: Path) -> None:
    """1.1 GB, most of them a hole in the file; its facts take the header alone."""
    shapes = read_reference("dit").shapes | {"pos_embed": [1, 16, 64], "more.weight": [17_000, 16_384]}
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    file = tmp_path / "DiT.safetensors"
    with file.open("wb") as written:
        written.write(struct.pack("<Q", len(text)) + text)
        written.truncate(8 + len(text) + offset)
    assert file.stat().st_size > 1_000_000_000
    registry.inspect(file)  # what is imported at first use is not counted
    file.rename(tmp_path / "again.safetensors")
    before = bytes_read()
    facts = registry.inspect(tmp_path / "again.safetensors")
    assert bytes_read() - before < 1_000_000
    assert (facts.format, facts.shape, facts.T) == ("DiT", (4, 8, 8), 1000)


def bytes_read() -> int:
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["rchar"])


@pytest.fixture
def tiny_copy(tiny: Path, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(tiny, tmp_path / "other")
    return tmp_path / "other"


def test_a_set_of_weights_is_chosen_beside_the_model(
    hand: Hand, tiny_copy: Path, make_raw: Callable[[Path], None]
) -> None:
    make_raw(tiny_copy)
    hand.window.open(str(tiny_copy))
    hand.settle()
    combo = hand.combo("weightsCombo")
    assert combo.isVisible()
    assert [combo.itemText(i) for i in range(combo.count())] == ["ema", "raw"]
    assert combo.currentText() == "ema"
    ema = hand.data("x0").copy()
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    hand.settle()
    assert hand.session.facts is not None
    assert hand.session.facts.weights == "raw"
    assert (hand.data("x0") != ema).any()
    assert json.loads((tiny_copy / "explorer.json").read_text())["user"] == {"weights": "raw"}


@pytest.fixture
def make_raw() -> Callable[[Path], None]:
    """Let a model have averaged weights beside its own."""

    def make(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        unet = folder / "unet"
        state = load_file(unet / "diffusion_pytorch_model.safetensors")
        (folder / "unet_ema").mkdir()
        (folder / "unet_ema" / "config.json").write_text((unet / "config.json").read_text())
        averaged = {name: 0.5 * tensor for name, tensor in state.items()}
        save_file(averaged, folder / "unet_ema" / "diffusion_pytorch_model.safetensors")

    return make


def test_of_a_model_that_is_now_otherwise_choices_stay_as_far_as_they_can() -> None:
    known = ModelFacts("", "", "", "image", (1, 4, 4), 100, "x0", "cosine", class_names=("a", "b", "c"), sample_count=1)
    before = State(label=2, t=90, step=3, source="reverse", noise_seed=5)
    again = state_again(before, known, known)
    assert again == before.with_changes(step=0, source="forward")
    less = state_again(before, known, replace(known, class_names=("a", "b"), T=50, sample_count=0))
    assert (less.label, less.t, less.source, less.noise_seed) == (None, 50, "reverse", 5)
