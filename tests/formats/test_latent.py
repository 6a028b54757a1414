"""Latent models: the same numbers as diffusers' pipelines, and pictures on both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.engine.engine import Engine
from explorer.engine.frame import Drawn, Seen
from explorer.facts import ModelError
from explorer.formats import registry
from explorer.request import Forward, Guidance, Look, ModelRef
from tests.formats.conftest import UNET, change_json, write_json

TIMES = (1, 2, 37, 80, 100)
LEVELS: dict[str, Any] = {
    "block_out_channels": (8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 4,
}
SCHEDULER = {"_class_name": "DDIMScheduler", "num_train_timesteps": 100, "beta_schedule": "scaled_linear"}


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def parts() -> dict[str, Any]:
    """diffusers' own networks."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.vq_model import VQModel
    from diffusers.models.transformers.dit_transformer_2d import DiTTransformer2DModel
    from diffusers.models.unets.unet_2d import UNet2DModel

    torch.manual_seed(0)
    dit = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=2,
        sample_size=8,
        num_embeds_ada_norm=3,
        norm_num_groups=4,
    )
    for parameter in dit.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))  # its last layer begins as zero
    return {
        "unet": UNet2DModel(**UNET).eval(),
        "vqvae": VQModel(num_vq_embeddings=16, **LEVELS).eval(),
        "transformer": dit.eval(),
        "vae": AutoencoderKL(latent_channels=4, scaling_factor=0.5, shift_factor=0.1, **LEVELS).eval(),
    }


@pytest.fixture
def write_pipeline(tmp_path: Path, parts: dict[str, Any]) -> Callable[..., Path]:
    """write_pipeline("unet", "vqvae") → the folder of a pipeline of these parts."""

    def write(*names: str, **index: Any) -> Path:
        folder = tmp_path / "latent"
        entries: dict[str, Any] = {"_class_name": "LDMPipeline", "scheduler": ["diffusers", "DDIMScheduler"], **index}
        for name in names:
            parts[name].save_pretrained(folder / name)
            entries[name] = ["diffusers", type(parts[name]).__name__]
        (folder / "scheduler").mkdir()
        write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
        write_json(folder / "model_index.json", entries)
        return folder

    return write


@torch.no_grad()
def test_unconditional_latent_diffusion(write_pipeline: Callable[..., Path], parts: dict[str, Any]) -> None:
    """LDMPipeline: a UNet2DModel in the latents of a VQModel."""
    model = registry.load(write_pipeline("unet", "vqvae"), "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.kind, facts.shape, facts.picture_shape) == ("latent", (3, 8, 8), (3, 16, 16))
    x_t = noise(2, 3, 8, 8)
    for t in TIMES:
        output = parts["unet"](x_t, t - 1).sample
        prediction = model.denoiser(x_t, t)
        torch.testing.assert_close(prediction.output, output, atol=1e-5, rtol=0)
        x0 = (x_t - schedule.noise(t) * output) / schedule.signal(t)
        torch.testing.assert_close(prediction.x0, x0, atol=1e-5, rtol=1e-5)
    assert model.autoencoder is not None
    theirs = parts["vqvae"].decode(x_t / parts["vqvae"].config.scaling_factor).sample
    torch.testing.assert_close(model.autoencoder.decode(x_t), theirs, atol=1e-5, rtol=1e-5)
    pictures = noise(2, 3, 16, 16)
    latents = parts["vqvae"].encode(pictures).latents * parts["vqvae"].config.scaling_factor
    torch.testing.assert_close(model.autoencoder.encode(pictures), latents, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("class_name", ["DiTTransformer2DModel", "Transformer2DModel"])
@torch.no_grad()
def test_a_transformer_with_classes(
    write_pipeline: Callable[..., Path], parts: dict[str, Any], class_name: str
) -> None:
    """DiTPipeline: classes by name, the last label for none of them."""
    names = {"0": "tench", "1": "goldfish", "2": "shark"}
    folder = write_pipeline("transformer", "vae", id2label=names, transformer=["diffusers", class_name])
    change_json(folder / "transformer" / "config.json", _class_name=class_name)
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.kind, facts.class_names, facts.null_label) == ("latent", ("tench", "goldfish", "shark"), 3)
    x_t = noise(2, 4, 8, 8)
    for t in TIMES:
        for condition, labels in ((torch.tensor([0, 2]), [0, 2]), (None, [3, 3]), (torch.tensor([-1, 1]), [3, 1])):
            output = parts["transformer"](x_t, torch.full((2,), t - 1), torch.tensor(labels)).sample
            found = model.denoiser(x_t, t, condition).output
            torch.testing.assert_close(found, output[:, :4], atol=1e-5, rtol=1e-5)
    assert model.autoencoder is not None
    theirs = parts["vae"].decode(x_t / 0.5 + 0.1).sample
    torch.testing.assert_close(model.autoencoder.decode(x_t), theirs, atol=1e-5, rtol=1e-5)
    pictures = noise(1, 3, 16, 16)
    latents = (parts["vae"].encode(pictures).latent_dist.mode() - 0.1) * 0.5
    torch.testing.assert_close(model.autoencoder.encode(pictures), latents, atol=1e-5, rtol=1e-5)


def test_pictures_go_in_and_come_out(write_pipeline: Callable[..., Path], tmp_path: Path) -> None:
    """A picture file becomes x_0, and what is said of its latent is shown decoded."""
    folder = write_pipeline("unet", "vqvae")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "sheet.png")
    write_json(folder / "explorer.json", {"samples": {"file": "sheet.png", "count": 2, "columns": 2}})
    file = tmp_path / "picture.png"
    Image.fromarray(pixels[:, :16]).save(file)
    model = registry.load(folder, "cpu")
    assert model.samples.shape == (2, 3, 8, 8)
    lenses = ("x_t", "x0", "channels", "x_t_decoded", "x0_decoded")
    answers = []
    for source in (Forward(0, 2), Forward(picture=str(file))):
        request = Look(ModelRef(str(folder), "cpu"), source, 40, Guidance(), lenses)
        frames = list(Engine().answer(request))
        tiles: dict[str, Any] = {}
        for frame in frames:
            assert isinstance(frame, Seen | Drawn)
            tiles |= frame.tiles
        answers.append(tiles)
        assert isinstance(frames[0], Seen)
        assert frames[0].more
        assert set(frames[0].tiles) == {"x_t", "x0", "channels"}
        assert model.autoencoder is not None
        for name in ("x_t", "x0"):
            expected = model.autoencoder.decode(torch.from_numpy(tiles[name].data))
            np.testing.assert_allclose(tiles[f"{name}_decoded"].data, expected.numpy(), atol=1e-5)
    batch, single = answers
    assert batch["x_t_decoded"].data.shape == (2, 3, 16, 16)
    assert batch["channels"].data.shape == (3, 1, 8, 8)
    # The card's first picture and the file hold the same pixels, and ε has the same seed.
    np.testing.assert_allclose(batch["x_t"].data[0], single["x_t"].data[0], atol=1e-5)


def test_an_autoencoder_that_does_not_fit(write_pipeline: Callable[..., Path]) -> None:
    folder = write_pipeline("unet", "vae")
    with pytest.raises(ModelError, match="makes latents of 4 channels, and the network takes 3"):
        registry.inspect(folder)
    (folder / "vae" / "config.json").unlink()
    with pytest.raises(ModelError, match="names an autoencoder that is not there"):
        registry.inspect(folder)
