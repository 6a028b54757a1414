"""Whatever is wrong with a file: one plain line, no code run, no memory spent."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.facts import ModelError
from explorer.formats import registry

WEIGHTS = "diffusion_pytorch_model.safetensors"
BIN = "diffusion_pytorch_model.bin"


def refusal(path: Path, load: bool = True) -> str:
    """The message with which a path is refused."""
    with pytest.raises(ModelError) as caught:
        registry.load(path, "cpu") if load else registry.inspect(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) < 600
    return message


class Creates:
    """A pickle of it creates a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


class Runs:
    """A pickle of it runs a command when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


# --- paths ---------------------------------------------------------------------------------------------------


def test_missing_path(tmp_path: Path) -> None:
    assert "no file or folder" in refusal(tmp_path / "absent", load=False)
    assert "no file or folder" in refusal(tmp_path / "two\nlines", load=False)
    assert "no file or folder" in refusal(Path("a\0b"), load=False)


def test_folders_without_a_model(tmp_path: Path) -> None:
    assert "empty folder" in refusal(tmp_path, load=False)
    (tmp_path / "notes.txt").write_text("hello")
    assert "notes.txt" in refusal(tmp_path, load=False)


@pytest.mark.parametrize(
    ("content", "described"),
    [
        (b"", "an empty file"),
        (b"hello\n", "a text file"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"GGUF\0\0", "a GGUF file"),
        (b"\0\1\2\3\xff\xfe", "unknown kind"),
        (b"PK\x03\x04", "is damaged or incomplete"),
        (b"\x80\x02}", "is damaged or incomplete"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, content: bytes, described: str) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(content)
    assert described in refusal(file, load=False)


def test_a_pipe_is_not_waited_for(tmp_path: Path, write_unet: Callable[..., Path]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in refusal(tmp_path / "pipe", load=False)
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    os.mkfifo(folder / "unet" / WEIGHTS)
    assert "no weights" in refusal(folder)


def test_folder_without_weights(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    assert "no weights" in refusal(folder, load=False)


def test_folder_with_an_unreadable_file(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    config = folder / "unet" / "config.json"
    config.unlink()
    config.symlink_to(config)  # a link to itself
    assert "config.json" in refusal(folder, load=False)


# --- weights -------------------------------------------------------------------------------------------------


def test_truncated_safetensors(write_unet: Callable[..., Path]) -> None:
    file = write_unet() / "unet" / WEIGHTS
    whole = file.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 100, 9):
        file.write_bytes(whole[:length])
        assert WEIGHTS in refusal(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not weights at all\n", "a text file"),
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        ((2**62).to_bytes(8, "little") + b"{}", "unknown kind"),
        ((50_000_000).to_bytes(8, "little") + b"{}", "damaged"),
    ],
)
def test_weights_that_are_none(write_unet: Callable[..., Path], content: bytes, says: str) -> None:
    file = write_unet() / "unet" / WEIGHTS
    file.write_bytes(content)
    message = refusal(file)
    assert says in message
    assert WEIGHTS in message


@pytest.mark.parametrize("hostile", [Creates, Runs])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", [BIN, WEIGHTS])
@pytest.mark.parametrize("protocol", [2, 4])
def test_code_in_a_pickle_is_not_run(
    write_unet: Callable[..., Path], tmp_path: Path, hostile: Any, zipped: bool, name: str, protocol: int
) -> None:
    folder, proof = write_unet(), tmp_path / "proof"
    (folder / "unet" / WEIGHTS).unlink()
    file = folder / "unet" / name
    if zipped:
        torch.save({"conv_in.weight": hostile(proof)}, file, pickle_protocol=protocol)
    else:
        file.write_bytes(pickle.dumps({"conv_in.weight": hostile(proof)}, protocol=protocol))
    message = refusal(folder)
    assert not proof.exists()
    assert "not opened" in message
    assert name in message


def test_what_the_pickle_wanted_is_named(write_unet: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    torch.save({"x": Runs(tmp_path / "proof")}, folder / "unet" / BIN)
    assert "(posix.system)" in refusal(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_pickle(write_unet: Callable[..., Path], zipped: bool) -> None:
    folder = write_unet()
    state = load_file(folder / "unet" / WEIGHTS)
    (folder / "unet" / WEIGHTS).unlink()
    file = folder / "unet" / BIN
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    for length in (len(whole) - 10, len(whole) // 2, len(whole) // 20, 64, 4):
        file.write_bytes(whole[:length])
        assert BIN in refusal(folder)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1, 2], "a list"),
        ({}, "nothing"),
        ({"model": {"w": torch.zeros(1)}}, "a dict"),
        ({"step": 3}, "an int"),
        ({3: torch.zeros(1)}, "'3'"),
    ],
    ids=["list", "empty", "nested", "number", "numbered"],
)
def test_pickles_of_something_else(write_unet: Callable[..., Path], values: Any, says: str) -> None:
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    torch.save(values, folder / "unet" / BIN)
    assert says in refusal(folder)


def test_a_compressed_archive_is_not_unpacked(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    with zipfile.ZipFile(folder / "unet" / BIN, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(10_000_000))
    assert "compressed" in refusal(folder)


def test_an_archive_of_something_else(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    (folder / "unet" / WEIGHTS).unlink()
    with zipfile.ZipFile(folder / "unet" / BIN, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "ZIP archive" in refusal(folder)
    with zipfile.ZipFile(folder / "unet" / BIN, "w") as archive:
        archive.writestr("archive/constants.pkl", "hello")
    assert "TorchScript" in refusal(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_values_that_are_not_finite(write_unet: Callable[..., Path], value: float, dtype: torch.dtype) -> None:
    file = write_unet() / "unet" / WEIGHTS
    state = {name: tensor.to(dtype) for name, tensor in load_file(file).items()}
    state["mid_block.resnets.0.conv1.weight"][0, 0, 0, 0] = value
    save_file(state, file)
    message = refusal(file)
    assert "mid_block.resnets.0.conv1.weight" in message
    assert "NaN" in message


def test_shapes_and_names_that_do_not_fit(write_unet: Callable[..., Path]) -> None:
    file = write_unet() / "unet" / WEIGHTS
    state = load_file(file)
    save_file({**state, "conv_in.weight": torch.zeros(1, 2)}, file)
    assert "conv_in.weight is 1×2 where 8×3×3×3 is expected" in refusal(file)
    save_file({name: tensor for name, tensor in state.items() if name != "conv_in.weight"}, file)
    assert f"1 of {len(state)} tensors are missing (first conv_in.weight)" in refusal(file)
    save_file({**state, "more": torch.zeros(1)}, file)
    assert "1 are not part of the network (first more)" in refusal(file)


def test_weights_of_no_ordinary_kind(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    state = load_file(folder / "unet" / WEIGHTS)
    (folder / "unet" / WEIGHTS).unlink()
    state["conv_in.bias"] = state["conv_in.bias"].to(torch.complex64)
    torch.save(state, folder / "unet" / BIN)
    assert "conv_in.bias" in refusal(folder)
    state["conv_in.bias"] = torch.empty(8, device="meta")
    torch.save(state, folder / "unet" / BIN)
    assert BIN in refusal(folder)


# --- configurations ------------------------------------------------------------------------------------------


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
        {"sample_size": None},
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
