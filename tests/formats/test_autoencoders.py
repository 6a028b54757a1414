"""Autoencoders of latent models that are single files: CompVis' own, inside and beside; and diffusers' beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from explorer.engine.engine import Engine
from explorer.engine.frame import Drawn, Seen
from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.model import Model
from explorer.request import Forward, Guidance, Look, ModelRef
from tests.formats.conftest import write_json
from tests.formats.reference import Reference, assert_close, read_reference, weights

SCALE = 0.25
DIT_VAE: dict[str, Any] = {
    "latent_channels": 4,
    "scaling_factor": 0.5,
    "block_out_channels": (8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 4,
}


def widened(shapes: dict[str, list[int]], channels: int) -> dict[str, list[int]]:
    """The U-Net's shapes with another number of channels in and out."""
    changed = {"input_blocks.0.0.weight": 1, "out.2.weight": 0, "out.2.bias": 0}
    found = {name: list(shape) for name, shape in shapes.items()}
    for name, place in changed.items():
        found[name][place] = channels
    return found


@pytest.fixture
def write_ldm(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, scale: str = "buffer", drop: str = "") -> Path:
        unet = weights(widened(read_reference("ldm").shapes, 4))
        table = {f"model.diffusion_model.{key}": value for key, value in unet.items()}
        stage = read_reference(name).state
        table |= {f"first_stage_model.{key}": value for key, value in stage.items() if not key.startswith(drop or "-")}
        table["first_stage_model.loss.discriminator.weight"] = torch.zeros(3)
        if scale == "buffer":
            table["scale_factor"] = torch.tensor(SCALE)
        torch.save({"state_dict": table}, tmp_path / "last.ckpt")
        unet_config = "unet_config: {params: {image_size: 8, num_head_channels: 32}}"
        given = f"scale_factor: {SCALE}, " if scale == "yaml" else ""
        (tmp_path / "last.yaml").write_text(f"model:\n  params: {{{given}{unet_config}}}\n")
        return tmp_path / "last.ckpt"

    return write


def check(model: Model, reference: Reference, scale: float) -> None:
    """Decoded and encoded as the library does it."""
    assert model.autoencoder is not None
    assert_close(model.autoencoder.decode(reference.tensor("latents") * scale), reference.tensor("decoded"))
    assert_close(model.autoencoder.encode(reference.tensor("pictures")), reference.tensor("encoded") * scale)


@pytest.mark.parametrize("name", ["ldm_kl", "ldm_vq"])
@pytest.mark.parametrize("scale", ["buffer", "yaml", "none"])
def test_the_one_inside(write_ldm: Callable[..., Path], name: str, scale: str) -> None:
    model = registry.load(write_ldm(name, scale), "cpu")
    facts = model.facts
    assert (facts.kind, facts.shape, facts.picture_shape, facts.warnings) == ("latent", (4, 8, 8), (3, 16, 16), ())
    sources = {fact.name: (fact.source, fact.where) for fact in facts.evidence}
    assert sources["autoencoder"] == ("file", "first_stage_model.")
    check(model, read_reference(name), 1.0 if scale == "none" else SCALE)


def test_what_is_said_of_a_latent_is_shown_decoded(write_ldm: Callable[..., Path]) -> None:
    file = write_ldm("ldm_kl")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(file.with_name("sheet.png"))
    write_json(file.with_name("last.explorer.json"), {"samples": {"file": "sheet.png", "count": 1, "columns": 1}})
    model = registry.load(file, "cpu")
    assert model.samples.shape == (1, 4, 8, 8)
    lenses = ("x_t", "x0", "x_t_decoded", "x0_decoded")
    tiles: dict[str, Any] = {}
    for frame in Engine().answer(Look(ModelRef(str(file), "cpu"), Forward(0, 1), 400, Guidance(), lenses)):
        assert isinstance(frame, Seen | Drawn)
        tiles |= frame.tiles
    assert model.autoencoder is not None
    for name in ("x_t", "x0"):
        expected = model.autoencoder.decode(torch.from_numpy(tiles[name].data))
        np.testing.assert_allclose(tiles[f"{name}_decoded"].data, expected.numpy(), atol=1e-5)


def test_one_inside_that_is_not_read(write_ldm: Callable[..., Path]) -> None:
    facts = registry.inspect(write_ldm("ldm_kl", drop="encoder.down.0"))
    assert facts.kind == "image"
    assert any("of a kind that is not read" in warning for warning in facts.warnings)
    with pytest.raises(ModelError, match="does not fit"):
        registry.load(write_ldm("ldm_kl", drop="decoder.up.0.block.1.conv2.bias"), "cpu")


@pytest.fixture
def dit(tmp_path: Path) -> Path:
    reference = read_reference("dit")
    folder = tmp_path / "dit"
    folder.mkdir()
    torch.save(reference.state | {"pos_embed": reference.tensor("pos_embed")}, folder / "DiT.pt")
    return folder / "DiT.pt"


def write_vae(folder: Path) -> Callable[[Tensor], Tensor]:
    """diffusers' own; returns its decoder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    torch.manual_seed(0)
    vae: Any = AutoencoderKL(**DIT_VAE).eval()
    vae.save_pretrained(folder)
    return lambda latents: vae.decode(latents / 0.5).sample


@torch.no_grad()
@pytest.mark.parametrize("where", ["beside", "card", "user"])
def test_a_folder_of_diffusers(dit: Path, where: str) -> None:
    place = {"beside": "vae", "card": "pictures", "user": "../elsewhere"}[where]
    # What the user chooses may be the pipeline that the autoencoder is a part of.
    decode = write_vae(dit.parent / place / ("vae" if where == "user" else ""))
    if where == "card":
        write_json(dit.with_name("DiT.explorer.json"), {"autoencoder": place})
    model = registry.load(dit, "cpu", {"autoencoder": place} if where == "user" else {})
    facts = model.facts
    assert (facts.kind, facts.picture_shape) == ("latent", (3, 16, 16))
    assert facts.autoencoder == ("" if where == "beside" else place)
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert sources["autoencoder"] == {"beside": "inferred"}.get(where, where)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert model.autoencoder is not None
    assert_close(model.autoencoder.decode(latents), decode(latents))
    x, labels = read_reference("dit").tensor("x"), torch.tensor([2])
    for index, expected in zip((0, 1, 37, 500, 999), read_reference("dit").tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, index + 1, labels).eps, expected.chunk(2, dim=1)[0])


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_file_of_its_own(dit: Path, prefix: str) -> None:
    reference = read_reference("ldm_kl")
    state = {prefix + name: value for name, value in reference.state.items()}
    save_file(state, dit.with_name("vae.safetensors"))
    check(registry.load(dit, "cpu"), reference, 0.18215)


def test_what_is_no_autoencoder(dit: Path) -> None:
    with pytest.raises(ModelError, match="no autoencoder"):
        registry.inspect(dit, {"autoencoder": "nowhere"})
    with pytest.raises(ModelError, match="holds no autoencoder"):
        registry.inspect(dit, {"autoencoder": "DiT.pt"})
    write_vae(dit.parent / "vae")
    (dit.parent / "vae" / "config.json").write_text("{")
    facts = registry.inspect(dit)
    assert facts.kind == "image"
    assert any("vae beside the file is not used" in warning for warning in facts.warnings)
    write_json(dit.with_name("DiT.explorer.json"), {"autoencoder": "../.."})
    facts = registry.inspect(dit)
    assert any("lies outside the model's folder" in warning for warning in facts.warnings)
