"""Stable Diffusion XL: two encoders, a text as a whole and sizes; the same numbers as diffusers' own pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from explorer.engine.guided import guided
from explorer.facts import ModelError
from explorer.formats import registry
from explorer.request import Guidance
from tests.formats.conftest import change_json, write_json
from tests.formats.test_text import TEXT, TIMES, WORDS, noise

SECOND = {**TEXT, "architectures": ["CLIPTextModelWithProjection"], "hidden_size": 24, "projection_dim": 10}
SCHEDULER = {"_class_name": "EulerDiscreteScheduler", "num_train_timesteps": 100, "beta_schedule": "scaled_linear"}


@pytest.fixture(scope="session")
def networks() -> dict[str, Any]:
    """diffusers' own network and autoencoder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=(2, 4),
        cross_attention_dim=16 + 24,
        use_linear_projection=True,
        transformer_layers_per_block=(1, 2),
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=10 + 6 * 8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    return {"unet": unet.eval(), "vae": vae.eval()}


@pytest.fixture
def folder(tmp_path: Path, networks: dict[str, Any]) -> Path:
    """The pipeline but for the weights of its text encoders."""
    root = tmp_path / "xl"
    for name, network in networks.items():
        network.save_pretrained(root / name)
    (root / "scheduler").mkdir()
    write_json(root / "scheduler" / "scheduler_config.json", SCHEDULER)
    for end, config in (("", TEXT), ("_2", SECOND)):
        (root / f"text_encoder{end}").mkdir()
        write_json(root / f"text_encoder{end}" / "config.json", config)
        (root / f"tokenizer{end}").mkdir()
        write_json(root / f"tokenizer{end}" / "vocab.json", {word: number for number, word in enumerate(WORDS)})
        (root / f"tokenizer{end}" / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        tokenizer = {"model_max_length": 12, "tokenizer_class": "CLIPTokenizer"}
        write_json(root / f"tokenizer{end}" / "tokenizer_config.json", tokenizer)
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "image_encoder": [None, None],
        "feature_extractor": [None, None],
        "force_zeros_for_empty_prompt": True,
    }
    write_json(root / "model_index.json", index)
    return root


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@torch.no_grad()
def test_the_same_as_the_pipeline(folder: Path, networks: dict[str, Any]) -> None:
    """The pipeline's own `encode_prompt` and time ids; no negative prompt is zeros."""
    transformers = pytest.importorskip("transformers", reason="the package transformers is not installed")
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    torch.manual_seed(1)
    made = {
        "": transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT)).eval(),
        "_2": transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**SECOND)).eval(),
    }
    parts: dict[str, Any] = dict(networks)
    for end, encoder in made.items():
        save_file(dict(encoder.state_dict()), folder / f"text_encoder{end}" / "model.safetensors")
        parts[f"text_encoder{end}"] = encoder
        parts[f"tokenizer{end}"] = transformers.CLIPTokenizer.from_pretrained(str(folder / f"tokenizer{end}"))
    scheduler = EulerDiscreteScheduler.from_config(SCHEDULER)
    pipeline: Any = StableDiffusionXLPipeline(**parts, scheduler=scheduler, add_watermarker=False)
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.kind, facts.prompted, facts.shape, facts.picture_shape) == ("latent", True, (4, 8, 8), (3, 16, 16))
    x_t, unet = noise(2, 4, 8, 8), networks["unet"]
    for prompt, negative, scale in (("a cat", "", 5.0), ("a cat", "dogs", 3.0), ("", "", 2.0)):
        words, none, pooled, none_pooled = pipeline.encode_prompt(prompt, negative_prompt=negative or None)
        if not prompt:
            words, pooled = none, none_pooled
        ids = pipeline._get_add_time_ids((16, 16), (0, 0), (16, 16), words.dtype, 10).expand(2, -1)
        for t in TIMES:

            def said(words: torch.Tensor, pooled: torch.Tensor, t: int = t, ids: Any = ids) -> Any:
                added = {"text_embeds": pooled.expand(2, -1), "time_ids": ids}
                words = words.expand(2, -1, -1)
                return unet(x_t, t - 1, encoder_hidden_states=words, added_cond_kwargs=added).sample

            away = said(none, none_pooled)
            expected = away + scale * (said(words, pooled) - away)
            guidance = Guidance(0 if prompt else None, scale, prompt=prompt, negative_prompt=negative)
            prediction = guided(model, guidance)(x_t, t)
            torch.testing.assert_close(prediction.output, expected, atol=1e-5, rtol=1e-5)


def test_facts_without_the_library(folder: Path) -> None:
    facts = registry.inspect(folder)
    texts = [fact.value for fact in facts.evidence if fact.name == "text encoder"]
    assert texts == ["CLIPTextModel", "CLIPTextModelWithProjection"]


def test_parts_that_do_not_fit(folder: Path, change_json: Callable[..., None]) -> None:
    change_json(folder / "text_encoder_2" / "config.json", projection_dim=12)
    with pytest.raises(ModelError, match="gives texts 12 numbers, and the network takes 10"):
        registry.inspect(folder)
    change_json(folder / "text_encoder_2" / "config.json", hidden_size=32)
    with pytest.raises(ModelError, match="gives words 48 numbers, and the network takes 40"):
        registry.inspect(folder)
    (folder / "text_encoder_2" / "config.json").unlink()
    with pytest.raises(ModelError, match="text_encoder_2 and tokenizer_2"):
        registry.inspect(folder)


def test_the_network_that_refines_is_refused(folder: Path) -> None:
    change_json(folder / "unet" / "config.json", projection_class_embeddings_input_dim=5 * 8)
    with pytest.raises(ModelError, match="refine pictures"):
        registry.inspect(folder)
    index = json.loads((folder / "model_index.json").read_text())
    write_json(folder / "model_index.json", {**index, "text_encoder_2": ["transformers", "T5EncoderModel"]})
    with pytest.raises(ModelError, match="CLIPTextModelWithProjection is read"):
        registry.inspect(folder)
