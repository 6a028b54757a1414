"""Models that read text: the same numbers as diffusers' Stable Diffusion pipeline."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.engine.guided import guided
from explorer.facts import ModelError, ModelFacts
from explorer.formats import registry
from explorer.request import Guidance
from explorer.state import ChoiceError, State, resolve_run
from tests.formats.conftest import change_json, write_json

TIMES = (1, 2, 37, 80, 100)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
TEXT = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": len(WORDS),
    "max_position_embeddings": 12,
    "projection_dim": 16,
    "bos_token_id": len(WORDS) - 2,
    "eos_token_id": len(WORDS) - 1,
    "pad_token_id": len(WORDS) - 1,
}


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def networks() -> tuple[Any, Any]:
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
        cross_attention_dim=16,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    return unet.eval(), vae.eval()


@pytest.fixture
def folder(tmp_path: Path, networks: tuple[Any, Any]) -> Path:
    """A Stable Diffusion pipeline but for the text encoder's weights."""
    root = tmp_path / "text"
    networks[0].save_pretrained(root / "unet")
    networks[1].save_pretrained(root / "vae")
    for name in ("scheduler", "tokenizer", "text_encoder"):
        (root / name).mkdir()
    scheduler = {"_class_name": "PNDMScheduler", "num_train_timesteps": 100, "beta_schedule": "scaled_linear"}
    write_json(root / "scheduler" / "scheduler_config.json", scheduler)
    write_json(root / "tokenizer" / "vocab.json", {word: number for number, word in enumerate(WORDS)})
    (root / "tokenizer" / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tokenizer = {"model_max_length": 12, "tokenizer_class": "CLIPTokenizer"}
    write_json(root / "tokenizer" / "tokenizer_config.json", tokenizer)
    write_json(root / "text_encoder" / "config.json", TEXT)
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
    }
    write_json(root / "model_index.json", index)
    return root


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("layout", ["as written", "older names"])
@torch.no_grad()
def test_prompts_and_guidance_are_those_of_the_pipeline(folder: Path, networks: tuple[Any, Any], layout: str) -> None:
    transformers = pytest.importorskip("transformers", reason="the package transformers is not installed")
    torch.manual_seed(1)
    encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT)).eval()
    state, file = dict(encoder.state_dict()), folder / "text_encoder" / "model.safetensors"
    if layout == "older names":
        state = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in state.items()}
        state["text_model.embeddings.position_ids"] = torch.arange(12)[None]
    save_file(state, file)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(str(folder / "tokenizer"))

    def embedded(text: str) -> torch.Tensor:
        tokens = tokenizer(text, padding="max_length", max_length=12, truncation=True, return_tensors="pt").input_ids
        result: torch.Tensor = encoder(tokens)[0]
        return result

    unet, vae = networks
    model = registry.load(folder, "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.kind, facts.prompted, facts.guidable, facts.class_names) == ("latent", True, True, ())
    x_t = noise(2, 4, 8, 8)
    for t in TIMES:
        told = {text: embedded(text).expand(2, -1, -1) for text in ("a cat", "dogs", "")}
        said = {text: unet(x_t, t - 1, encoder_hidden_states=words).sample for text, words in told.items()}
        for prompt, negative, scale in (
            ("a cat", "", 7.5),
            ("a cat", "dogs", 3.0),
            ("a cat", "dogs", 0.0),
            ("", "", 2),
        ):
            guidance = Guidance(0 if prompt else None, scale, prompt=prompt, negative_prompt=negative)
            expected = said[negative] + scale * (said[prompt] - said[negative])
            prediction = guided(model, guidance)(x_t, t)
            torch.testing.assert_close(prediction.output, expected, atol=1e-5, rtol=1e-5)
            x0 = (x_t - schedule.noise(t) * expected) / schedule.signal(t)
            torch.testing.assert_close(prediction.x0, x0, atol=1e-5, rtol=1e-4)
    assert model.autoencoder is not None
    theirs = vae.decode(x_t / vae.config.scaling_factor).sample
    torch.testing.assert_close(model.autoencoder.decode(x_t), theirs, atol=1e-5, rtol=1e-5)


def test_without_the_library_one_sentence_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"x": torch.zeros(1)}, folder / "text_encoder" / "model.safetensors")
    real = importlib.import_module

    def without(name: str, *rest: Any) -> Any:
        if name == "transformers":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    assert registry.inspect(folder).prompted
    with pytest.raises(ModelError, match="pip install transformers"):
        registry.load(folder, "cpu")


def test_a_text_encoder_that_does_not_fit(folder: Path, change_json: Callable[..., None]) -> None:
    change_json(folder / "text_encoder" / "config.json", hidden_size=32)
    with pytest.raises(ModelError, match="gives words 32 numbers, and the network takes 16"):
        registry.inspect(folder)
    change_json(folder / "text_encoder" / "config.json", architectures=["T5EncoderModel"])
    with pytest.raises(ModelError, match="only CLIP's CLIPTextModel is read"):
        registry.inspect(folder)


def test_networks_that_are_told_more_than_a_text(folder: Path) -> None:
    change_json(folder / "unet" / "config.json", addition_embed_type="text_image")
    with pytest.raises(ModelError, match="addition_embed_type"):
        registry.inspect(folder)
    index = json.loads((folder / "model_index.json").read_text())
    write_json(folder / "model_index.json", {**index, "text_encoder_3": ["transformers", "T5EncoderModel"]})
    with pytest.raises(ModelError, match="text_encoder_3"):
        registry.inspect(folder)


def test_a_state_with_a_prompt() -> None:
    facts = ModelFacts("m", "diffusers", "m", "latent", (4, 8, 8), 100, "eps", "linear", prompted=True)
    state = State(model="m", prompt="a cat", negative_prompt="dogs", guidance_scale=7.5, steps=10)
    asked = resolve_run(state, facts, 1).guidance
    assert (asked.label, asked.prompt, asked.negative_prompt, asked.scale) == (0, "a cat", "dogs", 7.5)
    assert resolve_run(state.with_changes(prompt=" "), facts, 1).guidance == Guidance()
    assert State.from_json(state.to_json()) == state
    with pytest.raises(ChoiceError, match="characters"):
        resolve_run(state.with_changes(prompt="x" * 3000), facts, 1)


def test_another_label_than_none_to_lead_away_from() -> None:
    """γ c + (1 − γ) n, n being what is said with the chosen label."""
    from explorer.diffusion.denoiser import NetworkDenoiser
    from explorer.diffusion.schedules import linear

    def network(x_t: torch.Tensor, t: float, condition: Any) -> torch.Tensor:
        labels = torch.full((len(x_t),), -1) if condition is None else condition
        return labels.float().view(-1, 1).expand(len(x_t), 3)

    denoiser, x_t = NetworkDenoiser(network, linear(10), "eps"), torch.zeros(2, 3)
    for scale, expected in ((0.0, 5.0), (1.0, 1.0), (3.0, -7.0)):
        guide = ClassifierFreeGuidance(denoiser, torch.tensor([1]), scale, null=5)
        assert set(guide(x_t, 4).output.flatten().tolist()) == {expected}
