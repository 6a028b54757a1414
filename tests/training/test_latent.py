"""The objective of the chains, without waiting for a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.datasets.pictures import PictureSet, digits
from explorer.diffusion.latent import LevelNoise, latent_terms
from explorer.formats.registry import load_any
from explorer.networks.latent import LatentConfig
from explorer.training import latent
from explorer.training.latent import LatentTraining, Pupil, Reader, chain_loss, readability, train_chain
from explorer.training.loop import LoopConfig


def tiny(levels: tuple[int, ...], **more: Any) -> LatentTraining:
    network = LatentConfig(levels=levels, hidden=16, between=8, classes=10)
    loop = LoopConfig(steps=3, save_every=1)
    return LatentTraining(network, (1.0,) * len(levels), loop, batch_size=8, drawn=4, **more)


@pytest.mark.parametrize("levels", [(4,), (6, 4, 3)])
def test_without_labels_the_loss_is_minus_the_elbo(levels: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    pupil, config = Pupil(tiny(levels).network), tiny(levels)
    for parameter in (*pupil.chain.up.parameters(), *pupil.chain.down.parameters()):
        parameter.data.mul_(0.1)  # untrained, some σ are tiny, and a mean over draws says little
    x = (torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(1)) > 0.7).float()
    labels = torch.arange(16) % 10
    with torch.no_grad():
        losses = [
            chain_loss(pupil, x, labels, config, 1.0, torch.Generator().manual_seed(seed)).item() for seed in range(40)
        ]
        terms = latent_terms(pupil.chain, x, LevelNoise(0, 16, levels, torch.device("cpu")), draws=40)
    assert -sum(losses) / len(losses) * 784 == pytest.approx(terms.total.mean(), rel=0.01)


def test_readability_moves_the_decoder_and_not_the_reader_or_the_gate() -> None:
    pupil = Pupil(tiny((4, 3)).network)
    pupil.reader.requires_grad_(False)
    readability(pupil, 5, torch.Generator().manual_seed(0)).backward()
    assert all(p.grad is None for p in pupil.reader.parameters())
    assert pupil.chain.gate is not None
    moved = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in pupil.chain.decoder.parameters()]
    assert all(moved)


def test_a_recipe_writes_a_folder_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = digits("test")
    monkeypatch.setattr(
        latent, "digits", lambda _: PictureSet(small.images[:600], small.labels[:600], small.class_names)
    )
    monkeypatch.setattr(latent, "SAMPLES", 20)
    monkeypatch.setattr(latent, "JUDGED", 10)
    train_chain(
        tiny((4, 3), readable=1.0, labelled=1.0), {"title": "T", "summary": "S"}, tmp_path, progress=lambda _: None
    )
    model = load_any(tmp_path, "cpu")
    assert (model.facts.title, model.facts.levels, model.facts.sample_count) == ("T", (4, 3), 20)
    assert sorted(model.facts.sample_labels[:10]) == list(range(10))
    assert not isinstance(getattr(model, "chain", None), Reader)  # the reader is not kept
