"""facebookresearch/DiT: the same numbers as its network."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.reference import assert_close, read_reference


@torch.no_grad()
@pytest.mark.parametrize("trained", [True, False])
def test_the_same_as_the_program(tmp_path: Path, trained: bool) -> None:
    reference = read_reference("dit")
    state = reference.state | {"pos_embed": reference.tensor("pos_embed")}
    file = tmp_path / "0050000.pt"
    raw = {name: value / 2 for name, value in state.items()}
    values = {"model": raw, "ema": state, "opt": {}, "args": argparse.Namespace(model="DiT-S/2")}
    torch.save(values if trained else state, file)
    model = registry.load(file, "cpu")
    facts = model.facts
    assert (facts.shape, facts.T, facts.schedule, facts.prediction) == ((4, 8, 8), 1000, "linear", "eps")
    assert (facts.class_names, facts.null_label) == (("0", "1", "2"), 3)
    assert facts.sampler_defaults == {"clip": False, "variance": "learned"}
    assert facts.weight_sets == (("ema", "raw") if trained else ())
    assert (facts.kind, facts.autoencoder) == ("image", "")
    assert any("autoencoder" in warning for warning in facts.warnings)
    x, labels = reference.tensor("x"), torch.tensor([2])
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        prediction = model.denoiser(x, index + 1, labels)
        mean, variance = expected.chunk(2, dim=1)
        assert_close(prediction.eps, mean)
        assert prediction.variance_fraction is not None
        assert_close(prediction.variance_fraction, (variance + 1) / 2)


def test_networks_that_are_not_whole(tmp_path: Path) -> None:
    state = read_reference("dit").state
    del state["blocks.1.mlp.fc1.bias"]
    torch.save(state, tmp_path / "dit.pt")
    with pytest.raises(ModelError, match="missing"):
        registry.load(tmp_path / "dit.pt", "cpu")
    del state["pos_embed"]
    torch.save(state, tmp_path / "dit.pt")
    with pytest.raises(ModelError, match="not whole"):
        registry.inspect(tmp_path / "dit.pt")
