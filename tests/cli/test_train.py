"""What `train` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Refuse, run


def test_train_list(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "list")
    assert {"digits", "faces", "mixture"} <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize("objective", ["denoising", "explicit", "sliced"])
def test_train_writes_a_model_that_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    from explorer.training import mixture

    measure = mixture.mixture_quality
    monkeypatch.setattr(mixture, "mixture_quality", lambda denoiser, truth, n: measure(denoiser, truth, 20))
    run("train", "mixture", "--out", tmp_path / "new", "--steps", 2, "--objective", objective)
    assert json.loads((tmp_path / "new" / "explorer.json").read_text())["recipe"]["config"]["objective"] == objective
    assert capsys.readouterr().out.strip()
    run("inspect", tmp_path / "new", "--json")
    assert json.loads(capsys.readouterr().out)["T"] == 1000
    run("sample", tmp_path / "new", "--out", tmp_path / "a.npz", "--steps", 2)


def test_pictures_are_trained_by_denoising(refused: Refuse, tmp_path: Path) -> None:
    assert "for the models of points" in refused("train", "digits", "--out", tmp_path / "x", "--objective", "sliced")
