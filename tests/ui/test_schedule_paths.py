"""A noise schedule from a file, and that of another model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog

from explorer.paths import CHECKPOINTS
from explorer.request import ScheduleChoice
from tests.ui.hand import Hand
from tests.ui.schedule_choice import choose, table


def choose_path(hand: Hand, name: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user does, who then answers the dialog."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (path, ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: path)
    combo = hand.combo("scheduleCombo")
    combo.setCurrentIndex(combo.findData(name))
    combo.activated.emit(combo.currentIndex())
    hand.settle()


def test_schedules_from_elsewhere(hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Betas of a file, the schedule of another model; no file, or a wrong one, leaves what counts."""
    choose(hand, "own")
    combo = hand.combo("scheduleCombo")
    path = tmp_path / "betas.npy"
    np.save(path, np.linspace(0.001, 0.15, 100))
    choose_path(hand, "file", str(path), monkeypatch)
    chosen = hand.window.state.schedule
    assert chosen == ScheduleChoice("file", path=str(path), changed=path.stat().st_mtime_ns)
    assert combo.currentText() == "File: betas.npy"
    betas = table(hand).betas
    assert betas is not None
    np.testing.assert_allclose(betas[1:], np.linspace(0.001, 0.15, 100))
    # Edited while it counts, it is read again when it is chosen again.
    before = hand.data("x_t").copy()
    np.save(path, np.linspace(0.001, 0.3, 100))
    os.utime(path, ns=(chosen.changed + 1, chosen.changed + 1))
    choose_path(hand, "file", str(path), monkeypatch)
    betas = table(hand).betas
    assert betas is not None
    np.testing.assert_allclose(betas[1:], np.linspace(0.001, 0.3, 100))
    assert not np.array_equal(hand.data("x_t"), before)
    for asked in ("", str(tmp_path)):
        choose_path(hand, "file", asked, monkeypatch)
        assert combo.currentText() == "File: betas.npy"
    assert "is missing or is no regular file" in hand.banner.text()
    choose_path(hand, "model", str(CHECKPOINTS / "vdm"), monkeypatch)
    assert combo.currentText() == "Model: vdm"
    assert hand.banner.text() == ""
    levels = table(hand).log_snr
    choose(hand, "learned")
    np.testing.assert_array_equal(table(hand).log_snr, levels)
    assert combo.itemText(combo.findData("file")) == "From a file…"
