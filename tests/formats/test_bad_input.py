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

from tests.formats.hostile import refusal

WEIGHTS = "diffusion_pytorch_model.safetensors"
BIN = "diffusion_pytorch_model.bin"


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
