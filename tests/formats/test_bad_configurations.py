"""Configurations that are no JSON, describe no network, or name what is not read: one plain line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.formats.hostile import refusal


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[1, 2]", "JSON object"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": "' + b"x" * 6_000_000 + b'"}', "larger than 5 MB"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not valid JSON"),
    ],
    ids=["cut", "binary", "list", "deep", "deeper", "huge", "lfs", "long number"],
)
def test_json_that_is_none(write_unet: Callable[..., Path], file: str, content: bytes, says: str) -> None:
    folder = write_unet()
    (folder / file).write_bytes(content)
    message = refusal(folder, load=False)
    assert says in message
    assert Path(file).name in message


@pytest.mark.parametrize(
    "changes",
    [
        {"block_out_channels": [10**9, 10**9]},
        {"block_out_channels": [-8, 16]},
        {"block_out_channels": ["8", "16"]},
        {"block_out_channels": 8},
        {"block_out_channels": []},
        {"block_out_channels": [8] * 1000},
        {"in_channels": 10**30},
        {"in_channels": 0},
        {"in_channels": True},
        {"in_channels": 3.5},
        {"out_channels": 4},
        {"layers_per_block": 10**9},
        {"sample_size": 10**9},
        {"sample_size": [8]},
        {"sample_size": [8, -8]},
        {"sample_size": 7},
        {"norm_num_groups": 0},
        {"attention_head_dim": 17},
        {"norm_eps": float("nan")},
        {"act_fn": "exec"},
        {"down_block_types": ["os.system", "DownBlock2D"]},
        {"down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"]},
        {"mid_block_type": "UNetMidBlock2DCrossAttn"},
        {"class_embed_type": "identity"},
        {"class_embed_type": "timestep"},
        {"num_class_embeds": 10**9},
        {"time_embedding_type": "learned"},
        {"time_embedding_type": "learned", "num_train_timesteps": 5},
        {"_class_name": "UNet1DModel"},
        {"_class_name": ["UNet2DModel"]},
    ],
    ids=str,
)
def test_absurd_networks(
    write_unet: Callable[..., Path], change_json: Callable[..., None], changes: dict[str, Any]
) -> None:
    folder = write_unet()
    change_json(folder / "unet" / "config.json", **changes)
    message = refusal(folder, load=False)
    assert "unet/config.json" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"norm_num_groups": 5},
        {"down_block_types": ["DownBlock2D"]},
        {"block_out_channels": [8192, 8192], "norm_num_groups": 1},
        {"num_class_embeds": 100_000},
    ],
    ids=str,
)
def test_networks_that_cannot_be_built_or_do_not_fit(
    write_unet: Callable[..., Path], change_json: Callable[..., None], changes: dict[str, Any]
) -> None:
    folder = write_unet()
    change_json(folder / "unet" / "config.json", **changes)
    refusal(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"beta_schedule": "quadratic"},
        {"beta_schedule": 3},
        {"prediction_type": "noise"},
        {"_class_name": "VQDiffusionScheduler"},
        {"num_train_timesteps": 10**12},
        {"num_train_timesteps": 0},
        {"num_train_timesteps": "1000"},
        {"beta_start": -1},
        {"beta_end": 3},
        {"beta_end": float("nan")},
        {"trained_betas": "linear"},
        {"trained_betas": [0.1, 2]},
        {"trained_betas": [[0.1]]},
        {"trained_betas": []},
        {"clip_sample": "yes"},
        {"variance_type": "none"},
        {"timestep_spacing": "random"},
    ],
    ids=str,
)
def test_schedulers_that_are_not_read(
    write_unet: Callable[..., Path], change_json: Callable[..., None], changes: dict[str, Any]
) -> None:
    folder = write_unet()
    change_json(folder / "scheduler" / "scheduler_config.json", **changes)
    assert "scheduler_config.json" in refusal(folder, load=False)


def test_supported_schedules_are_named(write_unet: Callable[..., Path]) -> None:
    message = refusal(write_unet(scheduler={"beta_schedule": "quadratic"}))
    assert all(name in message for name in ("quadratic", "laplace", "linear", "scaled_linear", "squaredcos_cap_v2"))


def test_a_schedule_without_noise_cannot_be_rescaled(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"beta_start": 0, "beta_end": 0, "rescale_betas_zero_snr": True})
    assert "schedule" in refusal(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"unet": ["diffusers", "UNet1DModel"]},
        {"unet": ["os", "system"]},
        {"unet": ["UNet2DModel"]},
        {"scheduler": ["antigravity", "DDPMScheduler"]},
        {"vqvae": ["diffusers", "VQModel"]},
    ],
    ids=str,
)
def test_classes_are_compared_and_never_imported(
    write_unet: Callable[..., Path], change_json: Callable[..., None], changes: dict[str, Any]
) -> None:
    folder = write_unet()
    change_json(folder / "model_index.json", **changes)
    assert "model_index.json" in refusal(folder)


def test_incomplete_folders(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    (folder / "scheduler" / "scheduler_config.json").unlink()
    assert "scheduler_config.json" in refusal(folder, load=False)
    (folder / "unet" / "config.json").unlink()
    assert "unet/config.json" in refusal(folder, load=False)
