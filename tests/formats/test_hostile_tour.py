"""Further files made to do harm: what they want is named; parts of files, links and odd names are refused plainly."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.overrides import save_overrides
from explorer.formats.yaml_file import nested, read_yaml_beside
from tests.formats.hostile import bounded, in_old_layout, in_torch_zip, plainly, refusal
from tests.formats.reference import read_reference

WEIGHTS = "model.safetensors"
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


WANTED = {
    "os.system": b"cos\nsystem\n" + text("true") + b"\x85R",
    "posix.system": b"\x8c\x05posix\x8c\x06system\x93" + text("true") + b"\x85R",
    "builtins.eval": b"(i__builtin__\neval\n",
    "builtins.getattr": b"cbuiltins\ngetattr\ncos\npath\n" + text("join") + b"\x86R",
    "subprocess.Popen": text("subprocess") + text("Popen") + b"\x93)}\x92",
    "importlib.import_module": b"(cimportlib\nimport_module\n" + text("os") + b"o",
    "runpy.run_path": b"crunpy\nrun_path\n)\x81}b",
    "operator.methodcaller": b"coperator\nmethodcaller\n" + text("system") + b"\x85R",
    "torch.hub.load": b"ctorch.hub\nload\n)R",
}
"""Each of the ways to call something, by what is called."""


@pytest.mark.parametrize("put", [plainly, in_torch_zip, in_old_layout], ids=lambda put: put.__name__)
@pytest.mark.parametrize("name", WANTED)
def test_what_was_wanted_is_said(
    write_points: Callable[..., Path], name: str, put: Callable[[bytes, Path], None]
) -> None:
    folder = write_points()
    put(b"\x80\x02}" + text("model") + WANTED[name] + b"s.", folder / WEIGHTS)
    message = refusal(folder)
    assert WEIGHTS in message
    assert f"asks Python to run code ({name}" in message
    alone = folder.parent / "model.pt"
    shutil.move(folder / WEIGHTS, alone)
    message = refusal(alone, load=False)
    assert message.startswith(f"model.pt asks Python to run code ({name}")


def test_a_model_that_opens_says_what_it_wanted(tmp_path: Path) -> None:
    """Code beside whole weights: the model opens, the code does not run, and a warning names it."""
    file = tmp_path / "model.pt"
    state = read_reference("tiny").state
    torch.save({**state, "extra": Wanted()}, file)
    with bounded():
        facts = registry.inspect(file)
    assert any("asks Python to run code (builtins.eval)" in warning for warning in facts.warnings)


class Wanted:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("tests.formats.hostile.canary()",)


def test_ordinary_names_are_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    torch.save({**read_reference("tiny").state, "folder": Path("logs")}, file)
    assert not any("code" in warning for warning in registry.inspect(file).warnings)


# --- archives and parts of files -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(write_points: Callable[..., Path]) -> None:
    """A reader that takes the first and one that takes the last would not see the same file."""
    folder = write_points()
    state = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
    torch.save(state, folder / WEIGHTS)
    with zipfile.ZipFile(folder / WEIGHTS, "a") as archive:
        root = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{root}/data.pkl", b"\x80\x02" + WANTED["os.system"] + b".")
    assert "damaged" in refusal(folder)
    shutil.move(folder / WEIGHTS, folder.parent / "model.pt")
    assert "two entries of one name" in refusal(folder.parent / "model.pt")


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old", "plain", "program"])
def test_files_that_end_too_early(tmp_path: Path, kind: str) -> None:
    state = read_reference("tiny").state
    whole = tmp_path / "whole"
    if kind == "safetensors":
        save_file(state, whole)
    elif kind == "plain":
        whole.write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in state.items()}))
    elif kind == "program":
        with pytest.warns(DeprecationWarning, match="torch.jit"):
            torch.jit.script(torch.nn.Linear(2, 2)).save(str(whole))
    else:
        torch.save(state, whole, _use_new_zipfile_serialization=kind == "zip")
    content = whole.read_bytes()
    for part in (1, 2, 5, 9, len(content) // 20, len(content) // 3, len(content) // 2, len(content) - 1):
        file = tmp_path / f"first {part}.pt"
        file.write_bytes(content[:part])
        refusal(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "a picture"),
        (b'{"model": 1}', "a JSON file"),
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
        (b"GGUF" + bytes(64), "a GGUF file"),
        (b"\x1f\x8b\x08" + bytes(64), "unknown kind"),
        (b"MZ\x90\x00" + bytes(64), "unknown kind"),
        (b"\x7fELF" + bytes(64), "unknown kind"),
        (b"", "an empty file"),
    ],
    ids=["picture", "json", "page", "gguf", "gzip", "exe", "elf", "empty"],
)
@pytest.mark.parametrize("ending", ["pt", "safetensors", "pkl"])
def test_endings_are_not_believed(
    write_points: Callable[..., Path], tmp_path: Path, ending: str, content: bytes, said: str
) -> None:
    (tmp_path / f"model.{ending}").write_bytes(content)
    assert said in refusal(tmp_path / f"model.{ending}")
    folder = write_points()
    (folder / WEIGHTS).write_bytes(content)
    assert said in refusal(folder)


def test_weights_under_another_ending(tmp_path: Path) -> None:
    for name, save in (("model.pt", save_file), ("model.safetensors", torch.save), ("model.png", torch.save)):
        save(read_reference("tiny").state, tmp_path / name)
        assert registry.inspect(tmp_path / name).kind == "points"


# --- configurations ------------------------------------------------------------------------------------------


def test_a_configuration_that_includes_itself(write_points: Callable[..., Path]) -> None:
    """There are no includes in JSON, and what looks like one is a name like any other."""
    folder = write_points()
    kept = json.loads((folder / "config.json").read_text())
    for key in ("$ref", "$include", "extends", "_base_", "auto_map"):
        (folder / "config.json").write_text(json.dumps({**kept, key: "config.json"}))
        with bounded():
            registry.load(folder, "cpu")
        (folder / "config.json").write_text(json.dumps({**kept, "network_config": {key: "config.json"}}))
        assert key in refusal(folder)


@pytest.mark.parametrize("content", ["a: !include config.yml\n", "a: *a\n", "a: &a [*a, *a]\n", "<<: &a {<<: *a}\n"])
def test_yaml_that_includes_itself(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yml").write_text(content)
    with bounded():
        values, _ = read_yaml_beside(tmp_path / "model.pth")
    assert nested(values, "a") == {}


@pytest.mark.parametrize("place", ["../../secret.safetensors", "/etc/passwd", "a/../../secret.safetensors"])
def test_parts_listed_outside_the_folder(write_unet: Callable[..., Path], tmp_path: Path, place: str) -> None:
    folder = write_unet()
    shutil.move(folder / "unet" / UNET_WEIGHTS, tmp_path / "secret.safetensors")
    listed = {"metadata": {"total_size": 2**70}, "weight_map": {"conv_in.weight": place}}
    (folder / "unet" / f"{UNET_WEIGHTS}.index.json").write_text(json.dumps(listed))
    assert "only files beside it are read" in refusal(folder)


def test_the_index_names_no_places(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    index = json.loads((folder / "model_index.json").read_text())
    for part in (["../../evil", "UNet2DModel"], ["os", "system"], "../../unet", {"path": "/etc"}):
        (folder / "model_index.json").write_text(json.dumps({**index, "unet": part}))
        if isinstance(part, list):
            assert "only diffusers's UNet2DModel" in refusal(folder, load=False)
        else:
            with bounded():
                registry.inspect(folder)  # no class, so nothing to compare: the folder itself is looked at


# --- shapes --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_network_is_not_made_larger_than_its_file(tmp_path: Path) -> None:
    """A file of no size whose one wide layer stands for a network of terabytes."""
    for name in ("tiny", "ddim", "dit", "guided", "lucidrains_2"):
        state = read_reference(name).state
        first = next(key for key, value in state.items() if value.ndim >= 2 and key.endswith("weight"))
        for shape in ([2**20, 2**20], [0, 2**40], [2**40, 0, 1, 1], [1] * 8, [2**31]):
            claimed = torch.empty(shape, device="meta")
            numbers = 0 if claimed.numel() == 0 else 16
            head: dict[str, dict[str, Any]] = {first: {"dtype": "F32", "shape": shape, "data_offsets": [0, numbers]}}
            file, data = tmp_path / f"{name}.safetensors", b""
            for key, value in list(state.items())[:400]:
                if key != first:
                    head[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [16 + len(data), 0]}
                    data += value.contiguous().numpy().tobytes()
                    head[key]["data_offsets"][1] = 16 + len(data)
            header = json.dumps(head).encode()
            file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16) + data)
            refusal(file)


# --- links ---------------------------------------------------------------------------------------------------


def test_folders_that_link_to_themselves(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    shutil.rmtree(folder / "unet")
    (folder / "unet").symlink_to(folder, target_is_directory=True)
    refusal(folder)
    (folder / "unet").unlink()
    (folder / "unet").symlink_to("unet")
    refusal(folder)


def test_what_lies_behind_a_link_is_not_shown_nor_written(write_points: Callable[..., Path], tmp_path: Path) -> None:
    folder, secret = write_points(), tmp_path / "secret"
    secret.write_text("password = hunter2\n")
    for name in ("config.json", WEIGHTS, "explorer.json"):
        kept = (folder / name).read_bytes() if (folder / name).exists() else None
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(secret)
        try:
            facts = registry.inspect(folder)
            assert "hunter2" not in str(facts)
            registry.load(folder, "cpu")
        except ModelError as error:
            assert "hunter2" not in str(error)  # noqa: PT017
        if kept is not None:
            (folder / name).unlink()
            (folder / name).write_bytes(kept)
    (folder / "explorer.json").unlink()
    (folder / "explorer.json").symlink_to(tmp_path / "made.json")
    save_overrides(folder, {"prediction": "eps"})
    assert secret.read_text() == "password = hunter2\n"
    assert not (tmp_path / "made.json").exists()
