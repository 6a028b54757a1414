"""What `train` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import run


def test_train_list(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "list")
    assert {"digits", "faces", "mixture"} <= set(capsys.readouterr().out.split())


def test_train_writes_a_model_that_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.training import mixture

    measure = mixture.mixture_quality
    monkeypatch.setattr(mixture, "mixture_quality", lambda denoiser, truth, n: measure(denoiser, truth, 20))
    run("train", "mixture", "--out", tmp_path / "new", "--steps", 2)
    assert capsys.readouterr().out.strip()
    run("inspect", tmp_path / "new", "--json")
    assert json.loads(capsys.readouterr().out)["T"] == 1000
    run("sample", tmp_path / "new", "--out", tmp_path / "a.npz", "--steps", 2)
