"""k-diffusion: the same x̂₀ as the library, from its safetensors and its checkpoints of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.inside import network_of
from tests.formats.reference import Reference, assert_close, read_reference

KINDS = ("k_diffusion", "k_diffusion_grown")


def state_of(reference: Reference) -> dict[str, torch.Tensor]:
    kept = {key: reference.tensor(key) for key in reference.arrays if key.endswith("kernel")}
    return {f"inner_model.{key}": value for key, value in (reference.state | kept).items()}


def config_of(reference: Reference, **changes: Any) -> dict[str, Any]:
    return {"model": {**reference.values["model"], **changes}, "dataset": {"type": "imagefolder"}}


def save(folder: Path, name: str = "k_diffusion", how: str = "safetensors", **changes: Any) -> Path:
    """how: safetensors, or a checkpoint of training with its configuration inside, or beside."""
    reference = read_reference(name)
    state, config = state_of(reference), config_of(reference, **changes)
    if how == "safetensors":
        save_file(state, folder / "model.safetensors", metadata={"config": json.dumps(config)})
        return folder / "model.safetensors"
    raw = {key: value / 2 for key, value in state.items()}
    content = {"model": raw, "model_ema": state, "opt": {"state": {}}, "step": 7}
    torch.save({**content, "config": config} if how == "inside" else content, folder / "model_7.pth")
    if how == "beside":
        (folder / "model_7.json").write_text(json.dumps(config))
    return folder / "model_7.pth"


@torch.no_grad()
@pytest.mark.parametrize("how", ["safetensors", "inside", "beside"])
@pytest.mark.parametrize("name", KINDS)
def test_the_same_as_the_library(tmp_path: Path, name: str, how: str) -> None:
    model, reference = registry.load(save(tmp_path, name, how), "cpu"), read_reference(name)
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.format, facts.shape, facts.prediction) == ("k-diffusion", (3, 16, 16), "x0")
    assert facts.weight_sets == (() if how == "safetensors" else ("ema", "raw"))
    assert facts.warnings == ()
    x, network = reference.tensor("x"), network_of(model)
    for sigma, expected in zip(reference.values["sigmas"], reference.tensor("outputs"), strict=True):
        assert_close(network.network(x * sigma, torch.tensor([sigma])), expected)
    for t in (1, 250, 500, 999, 1000):  # the levels of our times
        sigma = schedule.noise(t)
        expected = network.network(x * sigma, torch.tensor([sigma], dtype=torch.float32))
        assert_close(model.denoiser(x * sigma, t).x0, expected)
    assert schedule.noise(1000) == pytest.approx(80)


def test_evidence(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path, mapping_cond_dim=4, augment_wrapper=False))
    assert {f.name: f.source for f in facts.evidence}["shape"] == "file"
    assert any("given zeros" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"type": "image_transformer_v3"}, "image_v1, image_transformer_v1 and image_transformer_v2 are read"),
        ({"type": "image_transformer_v2"}, "the network that is in the file"),
        ({"cross_cond_dim": 8}, "cross_cond_dim"),
        ({"depths": [1]}, "whole network"),
        ({"self_attn_depths": [0, 1]}, "whole network"),
        ({"self_attn_depths": [True]}, "whole network"),
        ({"channels": [10**9, 10**9]}, "from 1 to 8,192"),
        ({"channels": [64, 64]}, "does not fit"),
        ({"input_size": [15, 16]}, "multiples of 2"),
        ({"sigma_data": "0.5"}, "sigma_data"),
        ({"sigma_min": 90}, "sigma"),
        ({"patch_size": 3}, "does not fit|multiples"),
    ],
)
def test_what_is_not_read(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(save(tmp_path, **changes), "cpu")


def test_weights_without_their_configuration(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"beside it, as model_7\.json"):
        registry.inspect(save(tmp_path, how="alone"))
    for text in ("[" * 10_000, "[1]", "{", '{"model": 3}'):
        save_file(state_of(read_reference("k_diffusion")), tmp_path / "m.safetensors", metadata={"config": text})
        with pytest.raises(ModelError):
            registry.inspect(tmp_path / "m.safetensors")
