"""Single files of Stable Diffusion 1, 2 and XL: the same numbers as the networks of diffusers and transformers that
they were written from, by other names."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from explorer.engine.guided import guided
from explorer.facts import ModelError
from explorer.formats import clip_words, registry
from explorer.request import Guidance
from tests.formats import compvis_names
from tests.formats.conftest import write_json
from tests.formats.test_text import WORDS, noise

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TIMES = (1, 2, 37, 500, 1000)
SIZE = {"size": (8, 8)}
LENGTH = 12
ENCODER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "vocab_size": len(WORDS),
    "max_position_embeddings": LENGTH,
    "bos_token_id": len(WORDS) - 2,
    "eos_token_id": len(WORDS) - 1,
    "pad_token_id": len(WORDS) - 1,
}
SECOND = {**ENCODER, "hidden_size": 128, "num_attention_heads": 2, "hidden_act": "gelu"}
UNETS: dict[str, dict[str, Any]] = {
    "1": {"block_out_channels": (32, 64), "attention_head_dim": 8, "cross_attention_dim": 64},
    "2": {
        "block_out_channels": (64, 128),
        "attention_head_dim": (1, 2),
        "cross_attention_dim": 128,
        "use_linear_projection": True,
    },
    "XL": {
        "block_out_channels": (64, 128),
        "attention_head_dim": (1, 2),
        "cross_attention_dim": 64 + 128,
        "use_linear_projection": True,
        "transformer_layers_per_block": (1, 2),
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 10 + 6 * 8,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    },
}


@dataclass(frozen=True)
class Written:
    """The networks that a file was written from, and its tensors."""

    unet: Any
    vae: Any
    encoders: tuple[Any, ...]
    table: dict[str, Tensor]


@pytest.fixture(scope="module")
def written() -> dict[str, Written]:
    transformers = pytest.importorskip("transformers", reason="the package transformers is not installed")
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    ).eval()
    first = transformers.CLIPTextModel(transformers.CLIPTextConfig(**ENCODER, hidden_act="quick_gelu")).eval()
    second = transformers.CLIPTextModel(transformers.CLIPTextConfig(**SECOND)).eval()
    whole = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**SECOND, projection_dim=10)).eval()
    encoders: dict[str, tuple[Any, ...]] = {"1": (first,), "2": (second,), "XL": (first, whole)}
    names = compvis_names
    texts = {
        "1": names.clip(first, "cond_stage_model.transformer."),
        "2": names.openclip(second, "cond_stage_model.model.", unused=True),
        "XL": names.clip(first, "conditioner.embedders.0.transformer.")
        | names.openclip(whole, "conditioner.embedders.1.model.", unused=False),
    }
    found = {}
    for version, options in UNETS.items():
        types = {
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        }
        unet = UNet2DConditionModel(**{"sample_size": 8, "layers_per_block": 1, **types, **options}).eval()
        table = names.unet(unet) | names.autoencoder(vae) | texts[version]
        found[version] = Written(unet, vae, encoders[version], {key: t.contiguous() for key, t in table.items()})
    return found


def tokenizer_beside(folder: Path) -> Any:
    import transformers

    place = folder / "tokenizer"
    place.mkdir()
    write_json(place / "vocab.json", {word: number for number, word in enumerate(WORDS)})
    (place / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    write_json(place / "tokenizer_config.json", {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer"})
    return transformers.CLIPTokenizer.from_pretrained(str(place))


def told(text: str, version: str, written: Written, tokenizer: Any) -> dict[str, Any]:
    """What diffusers' pipelines tell the network, by the names of its arguments."""
    pads = {"1": (len(WORDS) - 1,), "2": (0,), "XL": (len(WORDS) - 1, 0)}[version]
    numbers = tokenizer(text, truncation=True, max_length=LENGTH).input_ids
    outputs = [
        encoder(torch.tensor([numbers + [pad] * (LENGTH - len(numbers))]), output_hidden_states=True)
        for pad, encoder in zip(pads, written.encoders, strict=True)
    ]
    if version != "XL":
        return {"encoder_hidden_states": outputs[0][0].expand(2, -1, -1)}
    words = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
    pooled = outputs[1].text_embeds
    if not text:
        words, pooled = torch.zeros_like(words), torch.zeros_like(pooled)
    ids = torch.tensor([[16.0, 16, 0, 0, 16, 16]]).expand(2, -1)
    added = {"text_embeds": pooled.expand(2, -1), "time_ids": ids}
    return {"encoder_hidden_states": words.expand(2, -1, -1), "added_cond_kwargs": added}


@pytest.mark.parametrize("version", ["1", "2", "XL"])
@torch.no_grad()
def test_the_same_as_diffusers(tmp_path: Path, written: dict[str, Written], version: str) -> None:
    parts, file = written[version], tmp_path / "model.safetensors"
    save_file(parts.table, file)
    tokenizer = tokenizer_beside(tmp_path)
    model = registry.load(file, "cpu", SIZE)
    facts = model.facts
    assert (facts.format, facts.kind, facts.prompted, facts.T) == ("stable diffusion", "latent", True, 1000)
    assert (facts.shape, facts.picture_shape) == ((4, 8, 8), (3, 16, 16))
    assert facts.prediction == ("v" if version == "2" else "eps")
    x_t = noise(2, 4, 8, 8)
    for prompt, negative, scale in (("a cat", "", 5.0), ("a cat", "dogs", 3.0), ("", "", 2.0)):
        words, none = (told(text, version, parts, tokenizer) for text in (prompt, negative))
        guidance = Guidance(0 if prompt else None, scale, prompt=prompt, negative_prompt=negative)
        for t in TIMES:
            away = parts.unet(x_t, t - 1, **none).sample
            expected = away + scale * (parts.unet(x_t, t - 1, **words).sample - away)
            found = guided(model, guidance)(x_t, t).output
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    betas = model.denoiser.schedule.betas
    assert betas is not None
    assert (float(betas[0]), float(betas[-1])) == pytest.approx((0.00085, 0.012), abs=1e-9)
    assert model.autoencoder is not None
    scaling = 0.13025 if version == "XL" else 0.18215
    theirs = parts.vae.decode(x_t / scaling).sample
    torch.testing.assert_close(model.autoencoder.decode(x_t), theirs, atol=1e-5, rtol=1e-5)


def test_a_lightning_checkpoint_with_its_average(tmp_path: Path, written: dict[str, Written]) -> None:
    """`.ckpt`, as SD 1 was published: the average goes first, β and the step count lie beside it."""
    parts = written["2"]
    unet = compvis_names.unet(parts.unet, "")
    table = {**parts.table, "betas": torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()}
    table |= {f"model_ema.diffusion_model{name.replace('.', '')}": value + 1e-3 for name, value in unet.items()}
    for steps, prediction in ((875_000, "eps"), (110_000, "v")):
        torch.save({"global_step": steps, "state_dict": table, "callbacks": {}}, tmp_path / "model.ckpt")
        facts = registry.inspect(tmp_path / "model.ckpt")
        assert (facts.weight_sets, facts.weights, facts.prediction) == (("ema", "raw"), "ema", prediction)
        assert facts.shape == ((4, 256, 256) if prediction == "eps" else (4, 384, 384))
        sources = {fact.name: fact.source for fact in facts.evidence}
        assert (sources["prediction type"], sources["noise schedule"]) == ("inferred", "inferred")


def test_what_the_metadata_say(tmp_path: Path, written: dict[str, Written]) -> None:
    metadata = {"modelspec.prediction_type": "v", "modelspec.resolution": "128x64"}
    save_file(written["1"].table, tmp_path / "model.safetensors", metadata=metadata)
    facts = registry.inspect(tmp_path / "model.safetensors")
    assert (facts.prediction, facts.shape) == ("v", (4, 32, 64))
    assert {fact.source for fact in facts.evidence if fact.name in ("prediction type", "shape")} == {"file"}


def test_marks_of_training_and_numbers_of_half_precision(tmp_path: Path, written: dict[str, Written]) -> None:
    """Entries without numbers say v and zero SNR at T; β that were rounded with the weights are those of training."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    marks = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0), "betas": betas.half()}
    save_file({**written["XL"].table, **marks}, tmp_path / "model.safetensors")
    model = registry.load(tmp_path / "model.safetensors", "cpu", SIZE)
    schedule = model.denoiser.schedule
    assert (model.facts.prediction, schedule.signal(1000)) == ("v", 0.0)
    assert model.facts.schedule == schedule.name == "scaled_linear, zero terminal SNR"
    assert schedule.signal(1) == pytest.approx((1 - 0.00085) ** 0.5, abs=1e-9)
    assert {fact.value for fact in model.facts.evidence if fact.name == "noise schedule"} == {"scaled_linear"}


@torch.no_grad()
def test_words_that_are_nowhere_or_in_openclip(
    tmp_path: Path, written: dict[str, Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the model opens all the same, and no prompt is what it is with them."""
    file = tmp_path / "model.safetensors"
    save_file(written["1"].table, file)
    monkeypatch.setattr(clip_words, "_installed", lambda: None)
    bare, x_t = registry.load(file, "cpu", SIZE), noise(1, 4, 8, 8)
    assert [w for w in bare.facts.warnings if "CLIP's table of words" in w and "open_clip_torch" in w]
    nothing = bare.denoiser(x_t, 300).output
    assert bare.prompts is not None
    with pytest.raises(ModelError, match="tokenizer"):
        bare.prompts.number("a cat")
    packed = tmp_path / "bpe.txt.gz"
    packed.write_bytes(gzip.compress(b"#version\nc a\nca t</w>\n"))
    monkeypatch.setattr(clip_words, "_installed", lambda: packed)
    import transformers

    words = clip_words._tokenizer(clip_words.find_words(file), transformers)
    assert words("a CAT!").input_ids == [514, 320, 513, 256, 515]
    tokenizer_beside(tmp_path)
    full = registry.load(file, "cpu", SIZE)
    assert full.facts.warnings == ()
    torch.testing.assert_close(full.denoiser(x_t, 300).output, nothing, atol=0, rtol=0)


def test_files_that_are_told_more(tmp_path: Path, written: dict[str, Written]) -> None:
    file, table = tmp_path / "model.safetensors", written["1"].table
    first = "model.diffusion_model.input_blocks.0.0.weight"
    for name, changed, sentence in (
        (first, torch.zeros(32, 9, 3, 3), "from 9 to 4 channels"),
        ("model.diffusion_model.label_emb.0.0.weight", torch.zeros(128, 128), "told more than a text"),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", None, "is not whole"),
    ):
        changes = {key: value for key, value in {**table, name: changed}.items() if value is not None}
        save_file(changes, file)
        with pytest.raises(ModelError, match=sentence):
            registry.inspect(file)
    save_file({**table, "model.diffusion_model.odd.weight": torch.zeros(2)}, file)
    with pytest.raises(ModelError, match="not Stable Diffusion's"):
        registry.load(file, "cpu", SIZE)
