"""NVlabs' EDM2 pickles: the same x̂₀ as their network, their latents decoded, and none of their source run."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.inside import network_of
from tests.formats.reference import Reference, assert_close, read_reference
from tests.formats.test_autoencoders import write_vae
from tests.formats.test_edm import SOURCE, Persistent, persistence

__all__ = ["persistence"]


class EasyDict(dict[str, Any]):
    """dnnlib's, as the pickles name it."""


class Encoder:
    """How pictures become what the network works on."""

    def __init__(self, class_name: str, source: str, **arguments: Any) -> None:
        self.network = Persistent(class_name, source, **arguments)

    def __reduce__(self) -> Any:
        return self.network.__reduce__()


@pytest.fixture
def dnnlib(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("dnnlib.util")
    EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
    vars(module)["EasyDict"] = EasyDict
    monkeypatch.setitem(sys.modules, "dnnlib", types.ModuleType("dnnlib"))
    monkeypatch.setitem(sys.modules, "dnnlib.util", module)


def write(folder: Path, reference: Reference, encoder: str = "", **changes: Any) -> Path:
    """A snapshot as their training leaves it."""
    source = SOURCE.format(proof=str(folder / "proof"))
    arguments = {**reference.values["arguments"], **changes}
    network = Persistent("Precond", source, use_fp16=True, **arguments)
    network.add_module("unet", Persistent("UNet", source, **arguments))
    for name, tensor in reference.state.items():
        *path, last = name.split(".")
        module: nn.Module = network
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.ModuleDict() if part in ("enc", "dec") else Persistent("Block", source))
            module = module.get_submodule(part)
        if last in ("freqs", "phases"):
            module.register_buffer(last, tensor)
        else:
            module.register_parameter(last, nn.Parameter(tensor))
    found = EasyDict(dataset_kwargs={"path": "x.zip"}, loss_fn=None, ema=network)
    if encoder:
        found["encoder"] = Encoder(
            encoder, source, **({"final_mean": 0.75, "final_std": 0.25} if encoder.startswith("Stab") else {})
        )
    file = folder / "edm2-img8.pkl"
    file.write_bytes(pickle.dumps(found))
    return file


@torch.no_grad()
@pytest.mark.parametrize("name", ["edm2", "edm2_rgb"])
def test_the_same_as_the_library(tmp_path: Path, persistence: Any, dnnlib: None, name: str) -> None:
    reference = read_reference(name)
    file = write(tmp_path, reference, "StandardRGBEncoder" if name == "edm2_rgb" else "")
    model = registry.load(file, "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert not (tmp_path / "proof").exists()
    assert (facts.format, facts.prediction, facts.schedule) == ("edm2", "x0", "karras")
    assert facts.class_names == (("0", "1", "2") if name == "edm2" else ())
    assert facts.null_label is None
    labels = (torch.tensor([1]),) if facts.conditional else ()
    x, call = reference.tensor("x"), network_of(model)
    for sigma, expected in zip(reference.values["sigmas"], reference.tensor("outputs"), strict=True):
        assert_close(call.network(x * sigma, torch.tensor([sigma], dtype=torch.float32), *labels), expected)
    for t in (1, 250, 500, 750, 1000):
        level = torch.tensor([schedule.noise(t)], dtype=torch.float32)
        expected = call.network(x * schedule.noise(t), level, *labels)
        assert_close(model.denoiser(x * schedule.noise(t), t, *labels).x0, expected)


@torch.no_grad()
def test_whitened_latents_are_decoded(tmp_path: Path, persistence: Any, dnnlib: None) -> None:
    """final = (raw − raw_mean) · final_std / raw_std + final_mean; the autoencoder's pictures are in 0 … 1."""
    file = write(tmp_path, read_reference("edm2"), "StabilityVAEEncoder")
    bare = registry.inspect(file)
    assert bare.kind == "image"
    assert any("shown as they are" in warning for warning in bare.warnings)
    decode = write_vae(tmp_path / "vae")
    model = registry.load(file, "cpu")
    assert (model.facts.kind, model.facts.picture_shape) == ("latent", (3, 16, 16))
    assert model.autoencoder is not None
    mean, deviation = torch.tensor([5.81, 3.25, 0.12, -2.15]), torch.tensor([4.17, 4.62, 3.71, 3.28])
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    raw = (latents - 0.75) * (deviation / 0.25)[:, None, None] + mean[:, None, None]
    expected = 2 * decode(raw * 0.5) - 1  # the library's scaling factor is not part of it
    assert_close(model.autoencoder.decode(latents), expected)
    pictures = torch.rand(1, 3, 16, 16)
    encoded = model.autoencoder.encode(2 * pictures - 1)
    vae: Any = model.autoencoder.network
    raw = vae.encode(pictures).latent_dist.mode()
    assert_close(encoded, (raw - mean[:, None, None]) * (0.25 / deviation)[:, None, None] + 0.75)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_channels": 10**9}, "model_channels"),
        ({"channel_mult": [1, 2, 2]}, "missing"),
        ({"num_blocks": "many"}, "num_blocks"),
        ({"channels_per_head": 4096}, "no room"),
        ({"res_balance": 7}, "res_balance"),
    ],
)
def test_networks_that_cannot_be_built(
    tmp_path: Path, persistence: Any, dnnlib: None, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(write(tmp_path, read_reference("edm2_rgb"), **changes), "cpu")
    assert not (tmp_path / "proof").exists()
