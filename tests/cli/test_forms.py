"""`forms`: what is written, as text and as JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.cli import main
from explorer.networks.unet import UNet, UNetConfig
from explorer.training.card import write_card, write_samples
from explorer.training.folder import write_network


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "pictures"
    folder.mkdir()
    torch.manual_seed(0)
    facts = {"kind": "image", "schedule": {"name": "cosine", "T": 20}, "prediction": "v"}
    write_network(folder, "unet", UNet(UNetConfig(size=8, width=8)), facts)
    sheet = write_samples(folder, np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8), columns=2)
    write_card(folder, {"title": "Pictures", "samples": sheet})
    return folder


def test_as_json(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forms", str(pictures), str(pictures), "--t", "7", "--n", "2", "--bound", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["title"] for one in found] == ["Pictures", "Pictures"]
    assert len(found[0]["conversions"]) == 16
    assert max(row["difference"] for row in found[0]["conversions"]) < 1e-5
    assert found[0]["t"] == 7
    assert found[0]["errors"]["t"][-1] == 20
    terms = found[0]["bits_per_dimension"]
    assert terms["total"] == pytest.approx(terms["prior"] + terms["reconstruction"] + terms["diffusion"])


def test_as_text(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forms", str(pictures), "--n", "2", "--bound"]) == 0
    text = capsys.readouterr().out
    assert "Pictures: t = 8, a = " in text
    assert "x̂₀ = (a x_t − s v̂)/r²" in text.replace("x̂₀  =", "x̂₀ =")
    assert "r.m.s. errors on 2 samples" in text
    assert "bits/dim" in text


@pytest.mark.parametrize(("options", "message"), [(["--t", "21"], "between 0 and 20"), (["--n", "0"], "at least 1")])
def test_what_is_refused(pictures: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert main(["forms", str(pictures), *options]) == 2
    assert message in capsys.readouterr().err
