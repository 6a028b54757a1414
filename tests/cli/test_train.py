"""What `train` writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

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


def test_a_folder_of_pictures_is_learned(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.training.faces import CONFIG

    small = replace(CONFIG, block_out_channels=(8, 8, 8), batch_size=4)
    monkeypatch.setattr("explorer.training.own_pictures.CONFIG", small)
    for name, count in (("cats", 3), ("dogs", 5)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(count):
            Image.effect_noise((40 + i, 30), 60).save(tmp_path / "data" / name / f"{i}.png")
    (tmp_path / "data" / "dogs" / "broken.jpg").write_bytes(b"no picture")
    out = tmp_path / "model"
    run("train", "own_pictures", "--data", tmp_path / "data", "--size", 16, "--out", out, "--steps", 2)
    said = capfd.readouterr().out
    assert "left out: “broken.jpg”" in said
    assert "8 pictures of 16×16; classes: cats, dogs" in said
    run("inspect", out, "--json")
    found = json.loads(capfd.readouterr().out)
    assert found["shape"] == [1, 16, 16]
    assert found["title"] == "Data"
    assert "multiple of 4" in refused("train", "own_pictures", "--data", tmp_path, "--size", 30, "--out", out)
    assert "0 pictures" in refused("train", "own_pictures", "--data", out / "scheduler", "--out", out)
    assert "--data names" in refused("train", "own_pictures", "--out", out)


def test_pictures_are_trained_by_denoising(refused: Refuse, tmp_path: Path) -> None:
    assert "for the models of points" in refused("train", "digits", "--out", tmp_path / "x", "--objective", "sliced")
