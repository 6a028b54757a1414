"""The pictures' size, the kind of what a network works on, and who reads it, as the user says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from PIL import Image

from explorer.cli import main
from explorer.facts import ModelError, ModelFacts, check_comparable
from explorer.formats import registry
from tests.formats.conftest import write_json
from tests.formats.reference import read_reference


def source(facts: ModelFacts, name: str) -> str:
    return next(fact.source for fact in facts.evidence if fact.name == name)


@torch.no_grad()
def test_pictures_of_another_size(write_unet: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_unet(card={"samples": {"file": "sheet.png", "count": 5, "columns": 2}})
    pixels = np.random.default_rng(0).integers(0, 255, (24, 16, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "sheet.png")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    plain = registry.load(folder, "cpu")
    registry.set_facts(folder, {"size": [16, 12]})
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.shape, source(facts, "shape")) == ((3, 16, 12), "user")
    assert next(f for f in facts.evidence if f.name == "shape").instead == "3×8×8 (file: unet/config.json)"
    assert model.samples.shape == (5, 3, 16, 12)
    assert abs(model.samples.mean() - plain.samples.mean()) < 0.05  # resized, not cut up otherwise
    x_t = torch.randn(1, 3, 16, 12)
    torch.testing.assert_close(model.denoiser(x_t, 40).output, plain.denoiser(x_t, 40).output)
    with pytest.raises(ModelError, match="only models of one shape"):
        check_comparable(plain.facts, facts)
    out = tmp_path / "out.npz"
    assert main(["sample", str(folder), "--steps", "2", "--out", str(out)]) == 0
    assert np.load(out)["x"].shape == (1, 3, 16, 12)
    registry.set_facts(folder, {"size": None})
    assert registry.inspect(folder).shape == (3, 8, 8)
    for path, content in before.items():
        assert path.name == "explorer.json" or path.read_bytes() == content


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (15, "Pictures of 15×15 do not fit the network: sides must be multiples of 2"),
        ([1, 16, 16], "The shape cannot have 1 channel: the weights are made for 3"),
        ([16, 0], "size must be the pictures' size"),
    ],
)
def test_sizes_that_cannot_be(write_unet: Callable[..., Path], size: Any, message: str) -> None:
    folder = write_unet()
    with pytest.raises(ModelError, match=message):
        registry.set_facts(folder, {"size": size})
    assert not (folder / "explorer.json").exists()


def test_a_network_that_does_not_say_its_size(
    write_unet: Callable[..., Path], change_json: Callable[..., None]
) -> None:
    folder = write_unet()
    change_json(folder / "unet" / "config.json", sample_size=None)
    facts = registry.inspect(folder)
    assert (facts.shape, source(facts, "shape")) == ((3, 32, 32), "default")
    assert any("how large its pictures are" in warning for warning in facts.warnings)
    assert registry.inspect(folder, {"size": 64}).shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("name", "facts", "size", "fits"),
    [("digits", {}, 32, True), ("vdm", {}, 32, True), ("vdm", {}, 30, False), ("vae", {}, 32, False)],
)
def test_shipped_models(name: str, facts: dict[str, Any], size: int, fits: bool, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(Path("checkpoints") / name, folder)
    if not fits:
        with pytest.raises(ModelError, match=r"cannot be set: .*\.$|multiples of 4\.$"):
            registry.set_facts(folder, {"size": size, **facts})
        return
    registry.set_facts(folder, {"size": size, **facts})
    model = registry.load(folder, "cpu")
    x_t = torch.from_numpy(model.samples[:1])
    assert tuple(x_t.shape[1:]) == model.facts.shape == (1, size, size)
    with torch.no_grad():
        assert model.denoiser(x_t, 0.5 * model.facts.T).x0.shape == x_t.shape


def test_tables_of_positions_fix_the_size(tmp_path: Path) -> None:
    torch.save(read_reference("dit").state, tmp_path / "dit.pt")
    with pytest.raises(ModelError, match=r"The shape cannot be set: the weights hold a table of positions, for \d+×\d"):
        registry.set_facts(tmp_path / "dit.pt", {"size": 64})


@pytest.fixture
def autoencoder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    widths, blocks = (8, 8), 2
    vae = AutoencoderKL(
        3,
        3,
        ("DownEncoderBlock2D",) * blocks,
        ("UpDecoderBlock2D",) * blocks,
        block_out_channels=widths,
        latent_channels=3,
        norm_num_groups=4,
    )
    vae.save_pretrained(tmp_path / "its vae")
    return tmp_path / "its vae"


@torch.no_grad()
def test_pictures_become_latents_and_pictures_again(write_unet: Callable[..., Path], autoencoder: Path) -> None:
    folder = write_unet(card={"samples": {"file": "sheet.png", "count": 5, "columns": 2}})
    Image.new("RGB", (32, 48), (200, 10, 10)).save(folder / "sheet.png")
    facts = registry.inspect(folder)
    assert (facts.kind, facts.kinds, facts.sample_count) == ("image", ("image", "latent"), 0)
    with pytest.raises(ModelError, match="To be latents they need an autoencoder"):
        registry.set_facts(folder, {"kind": "latent"})
    with pytest.raises(ModelError, match="The kind cannot be “points”: the network takes channels on a grid"):
        registry.set_facts(folder, {"kind": "points"})
    registry.set_facts(folder, {"autoencoder": str(autoencoder)})
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.kind, facts.picture_shape, facts.value_range) == ("latent", (3, 16, 16), (-3.0, 3.0))
    assert (source(facts, "autoencoder"), source(facts, "kind")) == ("user", "inferred")
    assert model.samples.shape == (5, 3, 8, 8)
    assert model.autoencoder is not None
    assert model.autoencoder.decode(torch.from_numpy(model.samples[:1])).shape == (1, 3, 16, 16)
    registry.set_facts(folder, {"kind": "image"})
    model = registry.load(folder, "cpu")
    assert (model.facts.kind, model.autoencoder, source(model.facts, "kind")) == ("image", None, "user")
    registry.set_facts(folder, {"kind": None, "size": 16})
    assert registry.inspect(folder).picture_shape == (3, 32, 32)


def test_what_is_kept_and_no_longer_fits_is_a_warning(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    card = {"user": {"size": 15, "title": "Mine", "format": "openai"}}
    write_json(folder / "explorer.json", card)
    facts = registry.inspect(folder)
    assert facts.shape == (3, 8, 8)
    assert any("is not used" in warning for warning in facts.warnings)
    write_json(folder / "explorer.json", {"user": {"size": 15, "title": "Mine"}})
    facts = registry.inspect(folder)
    assert (facts.shape, facts.title) == ((3, 8, 8), "Mine")
    registry.set_facts(folder, {"prediction": "v"})  # what does not fit keeps nobody from anything else
    assert registry.inspect(folder).prediction == "v"


def test_one_folder_and_two_formats(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    (folder / "adapter.py").write_text("FACTS = {'shape': [2]}\n", encoding="utf-8")
    facts = registry.inspect(folder)
    assert (facts.format, facts.formats, source(facts, "format")) == ("diffusers", ("diffusers", "program"), "inferred")
    registry.set_facts(folder, {"format": "program"})
    facts = registry.inspect(folder)
    assert (facts.format, facts.kind, source(facts, "format")) == ("program", "points", "user")
    with pytest.raises(ModelError, match="The format cannot be 'edm': model is of diffusers or program"):
        registry.set_facts(folder, {"format": "edm"})
