"""k-diffusion's transformers: the same x̂₀ as the library, with and without classes."""

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
from tests.formats.reference import assert_close, read_reference

SHIFTED = [{"type": kind, "d_head": 32, "window_size": 4} for kind in ("shifted-window", "none", "global")]


def save(folder: Path, name: str, **changes: Any) -> Path:
    reference = read_reference(name)
    kept = {key: reference.tensor(key) for key in reference.arrays if key.endswith(("scale", "freqs"))}
    config: dict[str, Any] = {"model": {**reference.values["model"], **changes}}
    # A data set may have classes that the network is not told.
    config["dataset"] = {"num_classes": reference.values["classes"] or 5}
    save_file(reference.state | kept, folder / "model.safetensors", metadata={"config": json.dumps(config)})
    return folder / "model.safetensors"


@torch.no_grad()
@pytest.mark.parametrize("name", ["k_transformer_v1", "k_transformer_v2"])
def test_the_same_as_the_library(tmp_path: Path, name: str) -> None:
    model, reference = registry.load(save(tmp_path, name), "cpu"), read_reference(name)
    facts, x, network = model.facts, reference.tensor("x"), network_of(model)
    assert (facts.format, facts.shape, facts.prediction) == ("k-diffusion", tuple(x.shape[1:]), "x0")
    assert facts.warnings == ()
    assert (facts.class_names, facts.null_label) == ((("0", "1", "2"), 3) if name.endswith("v2") else ((), None))
    labels = [torch.tensor([2])] if facts.conditional else []
    for sigma, expected in zip(reference.values["sigmas"], reference.tensor("outputs"), strict=True):
        assert_close(network.network(x * sigma, torch.tensor([sigma]), *labels), expected)
    if facts.conditional:
        told, none = (model.denoiser(x, 500, given).x0 for given in (labels[0], None))
        assert float((told - none).abs().max()) > 1e-3


@torch.no_grad()
def test_a_neighbourhood_is_the_same_at_the_borders() -> None:
    """Of each axis the `size` tokens around, moved inwards where there are not so many on one side."""
    from explorer.networks.k_attention import around

    height, width, size = 5, 7, 3
    mask = around(height, width, size, torch.device("cpu")).view(height, width, height, width)
    for row in range(height):
        for column in range(width):
            top, left = min(max(row - 1, 0), height - size), min(max(column - 1, 0), width - size)
            expected = torch.zeros(height, width, dtype=torch.bool)
            expected[top : top + size, left : left + size] = True
            assert torch.equal(mask[row, column], expected)


@torch.no_grad()
def test_a_neighbourhood_as_large_as_the_picture_is_all_of_it(tmp_path: Path) -> None:
    x = read_reference("k_transformer_v2").tensor("x")
    outputs = []
    for kind in ("neighborhood", "global"):
        (tmp_path / kind).mkdir()
        first = {"type": kind, "d_head": 32, "kernel_size": 17}
        file = save(tmp_path / kind, "k_transformer_v2", self_attns=[first, *SHIFTED[1:]])
        outputs.append(registry.load(file, "cpu").denoiser(x, 700).x0)
    assert_close(outputs[0], outputs[1])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"depths": [2, 2]}, "does not describe the network"),
        ({"depths": [2, 900, 2]}, "does not describe the network"),
        ({"widths": [10**9] * 3}, "from 1 to 16,384"),
        ({"widths": [64, 64, 96]}, "does not fit"),
        ({"self_attns": SHIFTED[:2]}, "one JSON object for each level"),
        ({"self_attns": [{"type": "spiral"}, *SHIFTED[1:]]}, "one of global"),
        ({"self_attns": [{"type": "shifted-window"}, *SHIFTED[1:]]}, "window_size"),
        ({"input_size": [36, 28]}, "multiples of 8|windows of 4×4"),
        ({"input_size": [4096, 4096], "self_attns": [{"type": "global"}] * 3}, "tokens that look at each other"),
        ({"patch_size": [2, 2, 2]}, "patch_size"),
        ({"mapping_cond_dim": 5}, "does not fit"),
    ],
)
def test_what_is_not_read(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(save(tmp_path, "k_transformer_v2", **changes), "cpu")
