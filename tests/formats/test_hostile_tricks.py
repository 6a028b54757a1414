"""Tricks that no reader of checkpoints is made for: equal hashes, other languages' programs, names that are commands
to a terminal, files that change between two looks at them."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin
from safetensors.torch import load_file, save_file

from explorer.cli import main
from explorer.datasets.picture_file import read_picture
from explorer.facts import ModelError
from explorer.formats import program, registry, trust
from explorer.formats.plain_text import plain_text
from explorer.formats.program_facts import ProgramFacts, read_program_facts
from explorer.formats.tensors import open_weights
from tests.formats.hostile import SHIPPED, bounded, plainly, refusal
from tests.formats.inside import network_of

MODULUS = 2**61 - 1
"""Of Python's hashes of numbers: its multiples all have the hash 0."""


def number(value: int) -> bytes:
    return b"\x8a\x14" + value.to_bytes(20, "little")


ALIKE = {
    "numbers": [number(k * MODULUS) for k in range(1, 1_500)],
    "tuples": [  # −1 and −2 have the same hash
        b"(" + b"".join(b"J\xff\xff\xff\xff" if k >> i & 1 else b"J\xfe\xff\xff\xff" for i in range(11)) + b"t"
        for k in range(2**11)
    ],
}


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize("held", ["table", "set", "frozen set", "entries"])
def test_keys_of_one_hash(tmp_path: Path, kind: str, held: str) -> None:
    """A table of them takes time by the square of their number."""
    keys = ALIKE[kind]
    content = {
        "table": b"}(" + b"".join(key + b"N" for key in keys) + b"u.",
        "set": b"\x8f(" + b"".join(keys) + b"\x90.",
        "frozen set": b"(" + b"".join(keys) + b"\x91.",
        "entries": b"}" + b"".join(key + b"Ns" for key in keys) + b".",
    }[held]
    plainly(b"\x80\x04" + content, tmp_path / "model.pt")
    assert "names that are no names" in refusal(tmp_path / "model.pt", load=False)


def test_pictures_that_are_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript under another ending: Pillow would have an interpreter run it."""
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("it runs"))
    for name in ("a.png", "a.eps"):
        (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n")
        with pytest.raises(ModelError, match="not a picture this program can read"):
            read_picture(str(tmp_path / name), (1, 8, 8), (-1.0, 1.0))


ODD = {
    "escape": "\x1b[2J\x1b]0;x\x07",
    "turned": "\u202egnp.tp\u2066",
    "lines": "a\u2028b\nc\rd",
    "bytes": "\udcff\udcfe",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_names_that_are_more_than_names(tmp_path: Path, odd: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder's name, the card, the configuration, the names of tensors: shown without what they would do."""
    shown = plain_text(odd)
    assert not set(shown) & set("\x1b\x07\n\r\u202e\u2066\u2028\udcff")
    assert plain_text("Ziffern, 数字, أرقام, é, 👩‍🔬, −1 … 1") == "Ziffern, 数字, أرقام, é, 👩‍🔬, −1 … 1"
    folder = tmp_path / odd
    shutil.copytree(SHIPPED, folder)
    card = json.loads((folder / "explorer.json").read_text())
    (folder / "explorer.json").write_text(json.dumps({**card, "title": f"A{odd}", "summary": odd, "dataset": odd}))
    facts = registry.inspect(folder)
    assert facts.path == str(folder)
    assert facts.title == plain_text(f"A{odd}")
    assert odd not in str([(fact.value, fact.where) for fact in facts.evidence])
    assert main(["inspect", str(folder)]) == 0
    printed = capsys.readouterr()
    (folder / "config.json").write_text(json.dumps({"format": "diffusion-explorer", "network": odd}))
    assert main(["inspect", str(folder)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    for text in (said, printed.err, *printed.out.splitlines()):
        assert not set(text.rstrip("\n")) & set("\x1b\x07\r\u202e\u2066\u2028")


def test_names_of_tensors_in_messages(tmp_path: Path) -> None:
    names = {"\x1b[2J\u202e": 1, "n" * 2_000_000: 2}
    for name in names:
        save_file({name: torch.zeros(2)}, tmp_path / "model.safetensors")
        message = refusal(tmp_path / "model.safetensors")
        assert "\x1b" not in message
        assert "\u202e" not in message


def test_a_session_that_is_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "a.dxsession")
    assert main(["inspect", str(tmp_path / "a.dxsession")]) == 2
    assert "is no session" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "socket of devices", "endless", "process", "too long", "zero byte"])
def test_paths_that_are_no_models(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    path = {
        "pipe": str(tmp_path / "pipe.pt"),
        "socket of devices": "/dev/stdin",
        "endless": "/dev/zero",
        "process": "/proc/self/mem",
        "too long": "x" * 5000,
        "zero byte": "a\0b",
    }[kind]
    with bounded(), pytest.raises(ModelError) as caught:
        registry.inspect(path)
    assert "\n" not in str(caught.value)


def test_weights_cut_off_between_two_looks(tmp_path: Path) -> None:
    """Shorter than its header said once it is read: no mapped page of it is touched."""
    file = tmp_path / "model.safetensors"
    kinds = (torch.float32, torch.bool, torch.float8_e4m3fn, torch.int16)
    save_file({str(i): torch.ones(50_000).to(kind) for i, kind in enumerate(kinds)}, file)
    with open_weights(file, "model.safetensors") as weights:
        os.truncate(file, 8_000)
        for name in weights.shapes:
            with pytest.raises(ModelError, match="is damaged at"):
                weights.read(name, torch.device("cpu"))


def test_an_unknown_form_of_numbers(write_points: Callable[..., Path]) -> None:
    folder = write_points()
    weights = folder / "model.safetensors"
    first, *_ = load_file(weights)
    content = weights.read_bytes()
    place = content.index(b'"F32"')
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header[first]["dtype"] = "U32"
    text = json.dumps(header).encode()
    weights.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    assert place
    assert "in a form that is not read" in refusal(folder)


@pytest.fixture
def nothing_agreed() -> Iterator[None]:
    trust.forget()
    yield
    trust.forget()


ADAPTER = """
FACTS = {"shape": [1, 8, 8]}
import dataclasses, torch

@dataclasses.dataclass
class Size:
    n: "int" = 1

class Net(torch.nn.Module):
    said = "WHOSE"
    def forward(self, x, t):
        return x

def load(folder):
    assert Size().n == 1 and __name__ == "adapter"
    return Net()
"""


@pytest.mark.usefixtures("nothing_agreed")
def test_an_adapter_that_changes_once_it_is_agreed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is what was agreed to, even where the file is another one between the two."""
    file = tmp_path / "adapter.py"
    file.write_text(ADAPTER)
    trust.agree(trust.digest(file))
    swapped = ADAPTER.replace("WHOSE", "somebody else's")

    def swap(path: Path, kind: str) -> ProgramFacts:
        file.write_text(swapped)
        return read_program_facts(path, kind)

    facts = registry.inspect(tmp_path)
    monkeypatch.setattr(program, "read_program_facts", swap)
    made = program.FORMAT.load(tmp_path, facts, torch.device("cpu"))
    call = network_of(made)
    assert call.network.said == "WHOSE"
    monkeypatch.undo()
    with pytest.raises(ModelError, match="needs your consent"):
        registry.load(tmp_path, "cpu")


@pytest.mark.parametrize("facts", ["-" * 50_000 + "1", "[" * 5000, "a" + ".b" * 100_000, "+".join("1" * 50_000)])
def test_facts_without_end(tmp_path: Path, facts: str) -> None:
    (tmp_path / "adapter.py").write_text(f"FACTS = {facts}")
    with bounded(200_000_000), pytest.raises(ModelError, match="FACTS of plain values"):
        registry.inspect(tmp_path)


def test_samples_that_claim_to_be_many(tmp_path: Path) -> None:
    folder = tmp_path / "moons"
    shutil.copytree(SHIPPED, folder)
    np.save(folder / "samples.npy", np.zeros(4))
    for samples in ({"file": "samples.npy", "count": 10**12, "columns": 1}, {"file": "\x1b", "count": 1, "columns": 1}):
        (folder / "explorer.json").write_text(json.dumps({"samples": samples, "class_names": ["x"] * 200_000}))
        with bounded():
            facts = registry.inspect(folder)
        assert all(len(warning) < 400 and warning.isprintable() for warning in facts.warnings)
