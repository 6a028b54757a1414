"""Files made to do harm: nothing of them runs, nothing is taken that they ask for, and one plain line says so."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.cli import main
from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.checkpoint import peek, read_checkpoint
from explorer.formats.fields import short
from explorer.formats.yaml_file import read_yaml_beside
from tests.formats import hostile
from tests.formats.conftest import UNET
from tests.formats.hostile import bounded, in_torch_zip, ran, refusal

WEIGHTS = "model.safetensors"
CALL = b"c" + hostile.__name__.encode() + b"\ncanary\n(tR"

# --- archives ------------------------------------------------------------------------------------------------


def archive_of(path: Path, compression: int = zipfile.ZIP_DEFLATED, **entries: bytes) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(f"archive/{name}", content)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("swollen", ["data.pkl", "data/0"])
def test_archives_that_swell(write_points: Callable[..., Path], tmp_path: Path, swollen: str, compression: int) -> None:
    folder = write_points()
    archive_of(tmp_path / "model.pt", compression, **{"data.pkl": b"\x80\x02}.", swollen: b"\x80\x02" + bytes(2**24)})
    refusal(tmp_path / "model.pt", load=False)
    (tmp_path / "model.pt").rename(folder / WEIGHTS)
    assert "compressed" in refusal(folder)


@pytest.mark.parametrize("size", [1, 10**6, 2**32 - 2])
def test_entries_that_lie_about_their_size(tmp_path: Path, size: int) -> None:
    file = tmp_path / "model.pt"
    torch.save({"a": torch.ones(64)}, file)
    whole = bytearray(file.read_bytes())
    place = whole.find(b"PK\x01\x02")
    while place >= 0:
        struct.pack_into("<II", whole, place + 20, size, size)
        place = whole.find(b"PK\x01\x02", place + 1)
    file.write_bytes(whole)
    refusal(file, load=False)


def test_an_endless_directory_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with file.open("wb") as stream:
        stream.write(b"PK\x03\x04")
        stream.seek(200_000_000)  # a hole, which takes no place
        stream.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 199_000_000, 0, 0))
    refusal(file, load=False)


def test_many_tensors_of_one_storage(write_points: Callable[..., Path]) -> None:
    folder = write_points()
    names = load_file(folder / WEIGHTS)
    torch.save({name: torch.zeros(1).expand(10**6, 10**6) for name in names}, folder / WEIGHTS)
    refusal(folder)
    torch.save({"a": torch.zeros(1).expand(10**6, 10**6)}, folder / WEIGHTS)
    refusal(folder)


# --- safetensors ---------------------------------------------------------------------------------------------


def header(text: str, data: bytes = bytes(64)) -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + data


def entry(shape: Any, begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HEADERS: dict[str, bytes] = {
    "absurd length": (2**63).to_bytes(8, "little") + b"{}",
    "length beyond the file": (10**6).to_bytes(8, "little") + b"{}",
    "overlap": header(json.dumps({"a": entry([8], 0, 32), "b": entry([8], 16, 48)})),
    "the same place": header(json.dumps({f"a{i}": entry([16], 0, 64) for i in range(1000)})),
    "overflow": header(json.dumps({"a": entry([2**32, 2**32], 0, 64)})),
    "overflow to nothing": header(json.dumps({"a": entry([0, 2**80], 0, 0)})),
    "negative shape": header(json.dumps({"a": entry([-4, -4], 0, 64)})),
    "negative place": header(json.dumps({"a": entry([4], -16, 0)})),
    "backwards": header(json.dumps({"a": entry([4], 32, 16)})),
    "beyond the end": header(json.dumps({"a": entry([10**9], 0, 4 * 10**9)})),
    "a fraction": header(json.dumps({"a": entry([4.0], 0, 16)})),
    "a truth": header(json.dumps({"a": entry([True], False, 4)})),
    "NaN": header('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,1e999]}}'),
    "type": header(json.dumps({"a": entry([4], 0, 16, ["F32"])})),
    "shape that is text": header(json.dumps({"a": entry("12", 0, 16)})),
    "many dimensions": header(json.dumps({"a": entry([1] * 10_000, 0, 4)})),
    "twice": header(f'{{"a":{json.dumps(entry([4], 0, 16))},"a":{json.dumps(entry([4], 0, 16))}}}'),
    "deep": header('{"a":' * 100_000 + "0" + "}" * 100_000),
    "long number": header('{"a":' + "9" * 100_000 + "}"),
    "no UTF-8": (8).to_bytes(8, "little") + b'{"\xff":1}',
    "huge": header("{" + " " * 10_000_001 + "}"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_safetensors(write_points: Callable[..., Path], tmp_path: Path, name: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(HEADERS[name])
    assert peek(tmp_path / "model.safetensors") is None
    refusal(tmp_path / "model.safetensors", load=False)
    folder = write_points()
    (folder / WEIGHTS).write_bytes(HEADERS[name])
    assert WEIGHTS in refusal(folder)


def test_parts_that_do_not_fit_together(tmp_path: Path) -> None:
    """Names of a format with anything under them."""
    names = ("temb.dense.0.weight", "conv_in.weight", "mid.attn_1.q.weight", "down.0.block.0.temb_proj.weight")
    file = tmp_path / "model.safetensors"
    for more in ("up.x.block.0.conv1.weight", "down.0.block.0.conv1.weight", "conv_out.weight"):
        save_file({name: torch.zeros(1) for name in (*names, more)}, file)
        refusal(file)


# --- configurations ------------------------------------------------------------------------------------------

LAUGHS = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{f'*a{i - 1}, ' * 9}]}}\n" for i in range(1, 12))
YAML = {
    "laughs": "a0: &a0 [lol]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 30)),
    "merged laughs": LAUGHS,
    "few long merges": "a: &a {" + "k: 0, " * 900 + "}\nb: {<<: [" + "*a, " * 150 + "]}\n",
    "cycle": "&a {b: *a, <<: *a}\n",
    "deep": "[" * 50_000,
    "base 60": "a: 1" + ":1" * 90_000 + "\n",
    "base 16": "a: 0x" + "f" * 190_000 + "\n",
    "empty number": "a: !!int ''\nb: 1\n",
    "no truth": "a: !!bool perhaps\n",
    "no time": "a: !!timestamp soon\n",
    "code": f"a: !!python/object/apply:{hostile.__name__}.canary []\nb: !!python/name:{hostile.__name__}.canary\n",
    "class": f"a: !!python/object/new:{hostile.__name__}.Canary [1]\n",
    "binary": "\udcff",
    "large": "a: [" + "1," * 200_000 + "]\n",
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_beside_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.yml").write_bytes(YAML[name].encode(errors="surrogateescape"))
    with bounded():
        values, _ = read_yaml_beside(tmp_path / "model.ckpt")
        assert len(short(dict(values))) < 200


@pytest.mark.parametrize("key", ["schedule", "network_config", "shape", "prediction", "network", "truth"])
@pytest.mark.parametrize("value", ["NaN", "1e999", "-1e999", "9" * 4000, '{"T": 1e999}', "[1000000000]", "[[[[]]]]"])
def test_values_in_our_own_configuration(write_points: Callable[..., Path], key: str, value: str) -> None:
    folder = write_points(**{key: "HERE"})
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"HERE"', value))
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize("value", ["NaN", "1e999", "9" * 4000, "[1000000000, 1000000000]", "[[" * 400 + "]]" * 400])
@pytest.mark.parametrize("wrong", ["unet/config.json: block_out_channels", "scheduler/scheduler_config.json: beta_end"])
def test_values_in_a_folder_of_diffusers(tmp_path: Path, wrong: str, value: str) -> None:
    changed, key = wrong.split(": ")
    files: dict[str, dict[str, Any]] = {
        "unet/config.json": {"_class_name": "UNet2DModel", **UNET},
        "scheduler/scheduler_config.json": {"_class_name": "DDPMScheduler"},
    }
    for name, values in files.items():
        said = {**values, key: "HERE"} if name == changed else values
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(json.dumps(said).replace('"HERE"', value))
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(header("{}"))
    assert Path(changed).name in refusal(tmp_path, load=False)


# --- paths ---------------------------------------------------------------------------------------------------


def test_links_are_read_as_what_they_point_at(write_points: Callable[..., Path], tmp_path: Path) -> None:
    folder, shown = write_points(), tmp_path / "shown"
    shown.mkdir()
    for name in ("config.json", "model.safetensors"):
        (shown / name).symlink_to(folder / name)
    assert registry.inspect(shown).kind == "points"
    (shown / "model.safetensors").unlink()
    (shown / "model.safetensors").symlink_to("/etc/passwd")
    message = refusal(shown)
    assert "text file" in message
    assert "root" not in message


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "endless device", "loop", "two links", "nowhere"])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "explorer.json"])
def test_what_is_no_file(write_points: Callable[..., Path], name: str, kind: str) -> None:
    file = write_points() / name
    file.unlink(missing_ok=True)
    targets: dict[str, str | Path] = {
        "device": "/dev/null",
        "endless device": "/dev/zero",
        "nowhere": "absent",
        "loop": file,
    }
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "two links":
        file.symlink_to(file.with_name("other"))
        file.with_name("other").symlink_to(file)
    else:
        file.symlink_to(targets[kind])
    if name == "explorer.json":  # a card cannot keep a model from opening
        with bounded():
            registry.inspect(file.parent)
    else:
        refusal(file.parent)
    with bounded(), pytest.raises(ModelError):
        read_checkpoint(file)


def test_the_command_says_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.safetensors"
    in_torch_zip(b"\x80\x02}" + b"\x8c\x05model" + CALL + b"s.", file)
    assert main(["inspect", str(file)]) != 0
    said = capsys.readouterr()
    assert not ran
    assert not said.out
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err
