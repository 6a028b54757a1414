"""Judging samples by a classifier, with a perfect toy model in the place of a trained one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.schedules import cosine
from explorer.facts import ModelFacts
from explorer.formats.model import Model
from explorer.training import quality
from explorer.training.remeasure import remeasure

PATTERNS = torch.where(torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(0)) < 0.5, -1.0, 1.0)


def model(right: int = 10, noisy: float = 0.0) -> Model:
    """Every class is one picture; labels of `right` and above get the picture of class 0. noisy: how much of x_t stays
    in x̂₀."""

    def x0(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        if condition is None:
            return torch.zeros_like(x_t)
        return PATTERNS[torch.where((condition < right) & (condition >= 0), condition, 0)] + noisy * x_t

    facts = ModelFacts("", "test", "Test", "image", (1, 4, 4), 100, "x0", "cosine", class_names=tuple("0123456789"))
    denoiser = NetworkDenoiser(x0, cosine(100), "x0")
    return Model(facts, denoiser, np.zeros((0, 1, 4, 4), np.float32), torch.device("cpu"))


class Judge(nn.Module):
    """Names the nearest pattern."""

    def forward(self, x: Tensor) -> Tensor:
        return -(x.unsqueeze(1) - PATTERNS).square().sum((2, 3, 4))


def silent(message: str) -> None:
    del message


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "read_classifier", lambda folder, device: Judge())


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize("right", [10, 7])
def test_accuracy_is_the_share_of_pictures_named_as_asked(
    right: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "load", lambda folder, device: model(right))
    (tmp_path / "explorer.json").write_text('{"title": "Test", "quality": {"earlier": 1}}')
    remeasure(tmp_path, partial(quality.digits_quality, pictures={1.0: 40, 2.0: 20}, steps=4, progress=silent))
    card = json.loads((tmp_path / "explorer.json").read_text())
    assert set(card) == {"title", "quality"}
    assert card["quality"]["ddim_4_accuracy_by_guidance"] == {"1": right / 10, "2": right / 10}
    assert card["quality"]["pictures_by_guidance"] == {"1": 40, "2": 20}
    assert "earlier" not in card["quality"]


def test_a_sample_depends_on_its_number_and_not_on_its_batch() -> None:
    labels = torch.arange(7) % 10
    whole = quality.conditional_samples(model(noisy=0.2), labels, 1.5, steps=3, batch=7)
    parts = quality.conditional_samples(model(noisy=0.2), labels, 1.5, steps=3, batch=3)
    assert torch.equal(whole, parts)
    assert whole.shape == (7, 1, 4, 4)
    alike = quality.conditional_samples(model(noisy=0.2), torch.zeros(4, dtype=torch.int64), 1.5, steps=3, batch=2)
    assert len(torch.unique(alike, dim=0)) == 4


def test_the_sheet_shows_the_labels_in_turn(tmp_path: Path) -> None:
    quality.contact_sheet(model(), tmp_path / "sheet.png", guidance_scale=1.0, rows=2, zoom=3)
    with Image.open(tmp_path / "sheet.png") as picture:
        sheet = np.asarray(picture)
    assert sheet.shape == (2 * 4 * 3, 8 * 4 * 3, 3)
    for k in range(16):
        y, x = divmod(k, 8)
        tile = sheet[y * 12 : (y + 1) * 12 : 3, x * 12 : (x + 1) * 12 : 3, 0]
        assert np.array_equal(tile, np.where(PATTERNS[k % 10, 0].numpy() > 0, 255, 0))
