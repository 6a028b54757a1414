"""What a folder of diffusers says of itself, what its card says, and what the user does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.card import read_card


def test_facts_and_where_they_came_from(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(
        scheduler={
            "prediction_type": "v_prediction",
            "variance_type": "fixed_large",
            "clip_sample_range": 2.0,
            "timestep_spacing": "trailing",
            "thresholding": True,
            "dynamic_thresholding_ratio": 0.9,
            "sample_max_value": 5.0,
            "steps_offset": 1,
        },
        sample_size=[8, 16],
    )
    facts = registry.inspect(folder)
    assert (facts.shape, facts.T, facts.kind, facts.format) == ((3, 8, 16), 100, "image", "diffusers")
    assert facts.sampler_defaults == {
        "clip": True,
        "clip_range": 1.0,  # thresholding goes before clip_sample
        "percentile": 90.0,
        "most": 5.0,
        "spacing": "trailing",
        "variance": "beta",
    }
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert sources["prediction type"] == sources["T"] == sources["clip range"] == "file"
    assert sources["noise schedule"] == sources["clip x̂₀"] == sources["value range"] == "default"
    assert any("steps_offset" in warning for warning in facts.warnings)
    ddim = registry.inspect(write_unet(scheduler={"_class_name": "DDIMScheduler", "clip_sample": False}, name="ddim"))
    assert ddim.sampler_defaults == {"clip": False, "clip_range": 1.0, "spacing": "leading"}
    # A bound of 1, which is what the library takes where none is said, leaves plain clipping.
    plain = registry.inspect(write_unet(scheduler={"thresholding": True}, name="plain")).sampler_defaults
    assert (plain["clip"], plain["clip_range"], plain["percentile"], "most" in plain) == (True, 1.0, 0.0, False)


def test_the_user_goes_before_the_card_and_the_card_before_the_file(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(card={"title": "From the card", "prediction": "x0", "value_range": [0, 1]})
    facts = registry.inspect(folder)
    assert (facts.title, facts.prediction, facts.value_range) == ("From the card", "x0", (0.0, 1.0))
    model = registry.load(folder, "cpu", {"prediction": "v", "title": "Mine"})
    assert (model.facts.title, model.facts.prediction) == ("Mine", "v")
    assert model.denoiser(torch.zeros(1, 3, 8, 8), 5).kind == "v"
    sources = {fact.name: fact.source for fact in model.facts.evidence}
    assert (sources["title"], sources["prediction type"], sources["value range"]) == ("user", "user", "card")


@pytest.mark.parametrize(
    "overrides",
    [
        {"prediction": "noise"},
        {"T": 0},
        {"value_range": [1, 0]},
        {"null_label": True},
        {"schedule": {"name": "linear", "beta_start": 2}},
        {"time_offset": "1"},
        {"time_scale": 0},
        {"time_reversed": 1},
        {"weights": 3},
    ],
    ids=str,
)
def test_impossible_corrections_are_refused(write_unet: Callable[..., Path], overrides: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=next(iter(overrides))):
        registry.inspect(write_unet(), overrides)


def test_model_index_is_optional(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"prediction_type": "sample"})
    (folder / "model_index.json").unlink()
    assert registry.inspect(folder).prediction == "x0"


def test_everything_in_one_folder(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"prediction_type": "sample"})
    flat = folder.parent / "flat"
    shutil.copytree(folder / "unet", flat)
    shutil.copy(folder / "scheduler" / "scheduler_config.json", flat)
    shutil.copy(folder / "model_index.json", flat)
    assert registry.load(flat, "cpu").facts.prediction == "x0"


def test_a_bare_unet_gets_the_default_schedule_and_a_warning(write_unet: Callable[..., Path]) -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    bare = write_unet().parent / "bare"
    shutil.copytree(bare.parent / "model" / "unet", bare)
    model = registry.load(bare, "cpu")
    assert (model.facts.T, model.facts.schedule, model.facts.prediction) == (1000, "linear", "eps")
    assert any("scheduler_config.json" in warning for warning in model.facts.warnings)
    sources = {fact.name: fact.source for fact in model.facts.evidence}
    assert sources["T"] == sources["noise schedule"] == sources["prediction type"] == "default"
    difference = model.denoiser.schedule.signal(torch.arange(1, 1001)) ** 2 - DDIMScheduler().alphas_cumprod
    assert difference.abs().max() < 1e-6


def test_weights_may_be_links_as_in_the_hugging_face_cache(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    blob = folder.parent / "blob"
    file.rename(blob)
    file.symlink_to(blob)
    assert registry.load(file, "cpu").facts.path == str(folder)


@pytest.mark.parametrize(
    ("card", "warning"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ({"title": 3}, "title"),
        ({"null_label": 99}, "null label 99"),
        ({"class_names": ["a"] * 9}, "9 class names"),
        ({"class_names": "abc"}, "class_names"),
        ({"value_range": [1, -1]}, "value_range"),
        ({"value_range": [0, float("inf")]}, "value_range"),
        ({"samples": 3}, "samples"),
        ({"samples": {"file": "../outside.png", "count": 1, "columns": 1}}, "outside"),
        ({"samples": {"file": "link.png", "count": 1, "columns": 1}}, "outside"),
        ({"samples": {"file": "/etc/hostname", "count": 1, "columns": 1}}, "outside"),
        ({"samples": {"file": "absent.png", "count": 1, "columns": 1}}, "no file"),
        ({"samples": {"file": "sheet.png", "count": 7, "columns": 2}}, "pixels"),
        ({"samples": {"file": "sheet.png", "count": 10**12, "columns": 2}}, "count"),
        ({"samples": {"file": "explorer.json", "count": 5, "columns": 2}}, "no PNG"),
        ({"samples": {"file": "sheet.png", "count": 5, "columns": 2, "labels": [0]}}, "labels"),
        ({"samples": {"file": "sheet.png", "count": 5, "columns": 2, "labels": [9] * 5}}, "labels"),
    ],
    ids=str,
)
def test_a_wrong_card_is_a_warning(write_unet: Callable[..., Path], card: Any, warning: str) -> None:
    import json

    from PIL import Image

    folder = write_unet(num_class_embeds=3)
    Image.new("RGB", (16, 24)).save(folder / "sheet.png")
    Image.new("RGB", (8, 8)).save(folder.parent / "outside.png")
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "explorer.json").write_text(card if isinstance(card, str) else json.dumps(card))
    facts = registry.inspect(folder)
    assert any(warning in message for message in facts.warnings), facts.warnings
    assert all("\n" not in message for message in facts.warnings)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sample_sheet(write_unet: Callable[..., Path], channels: int) -> None:
    from explorer.training.card import write_card, write_samples

    pictures = np.random.default_rng(0).integers(0, 256, (7, 8, 8, channels), np.uint8)
    folder = write_unet(in_channels=channels, out_channels=channels, num_class_embeds=3)
    samples = {**write_samples(folder, pictures, columns=3), "labels": [0, 1, 2, 0, 1, 2, 0]}
    write_card(folder, {"samples": samples, "value_range": [0, 1], "summary": "Noise."})
    model = registry.load(folder, "cpu")
    assert model.facts.sample_count == 7
    assert model.facts.sample_labels == (0, 1, 2, 0, 1, 2, 0)
    assert model.facts.summary == "Noise."
    assert model.samples.dtype == np.float32
    np.testing.assert_allclose(model.samples, pictures.transpose(0, 3, 1, 2) / 255, atol=1e-6)


def test_a_damaged_sheet_leaves_a_model_without_samples(write_unet: Callable[..., Path]) -> None:
    from explorer.training.card import write_card, write_samples

    folder = write_unet()
    write_card(folder, {"samples": write_samples(folder, np.zeros((4, 8, 8, 3), np.uint8))})
    sheet = folder / "samples.png"
    sheet.write_bytes(sheet.read_bytes()[:50])
    assert registry.inspect(folder).sample_count == 4
    model = registry.load(folder, "cpu")
    assert model.facts.sample_count == 0
    assert model.samples.shape == (0, 3, 8, 8)
    assert any("damaged" in warning for warning in model.facts.warnings)


def test_a_model_without_a_card(tmp_path: Path) -> None:
    card = read_card(tmp_path)
    assert card.sheet is None
    assert card.warnings == ()
