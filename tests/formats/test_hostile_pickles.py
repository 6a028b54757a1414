"""Pickles made to do harm: nothing of them runs, nothing grows, and one plain line says so."""

from __future__ import annotations

import copyreg
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.formats import limits
from explorer.formats.fields import short
from explorer.formats.stubs import Stub
from tests.formats import hostile
from tests.formats.hostile import canary, in_old_layout, in_old_tar, in_torch_zip, plainly, refusal

WEIGHTS = "model.safetensors"
HERE = hostile.__name__.encode()
CALL = b"c" + HERE + b"\ncanary\n"
CLASS = b"c" + HERE + b"\nCanary\n"


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


TRICKS: dict[str, bytes] = {
    "GLOBAL REDUCE": CALL + b"(tR",
    "STACK_GLOBAL REDUCE": text(hostile.__name__) + text("canary") + b"\x93)R",
    "INST": b"(i" + HERE + b"\ncanary\n",
    "OBJ": b"(" + CALL + b"o",
    "NEWOBJ": CLASS + b")\x81",
    "NEWOBJ_EX": CLASS + b")}\x92",
    "BUILD of a state": CLASS + b")\x81}b",
    "BUILD of attributes": CLASS + b")\x81N}" + text("__class__") + CLASS + b"s\x86b",
    "BUILD of a class": CLASS + b"}" + text("x") + b"K\x01sb",
    "SETITEMS": CLASS + b")\x81(K\x01K\x02u",
    "GLOBAL of a path": text("os") + text("system.__call__") + b"\x93)R",
    "getattr": b"cbuiltins\ngetattr\n" + CLASS + text("__new__") + b"\x86R",
    "eval": b"cbuiltins\neval\n" + text(f"__import__({hostile.__name__!r}, fromlist=['x']).canary()") + b"\x85R",
    "persistent id": CALL + b")RQ",
    "memo": CALL + b"q\xff0h\xff)R\x94h\x00",
    "EXT1": b"\x82\xf0)R",
    "EXT4": b"\x84\xf0\x00\x00\x00)R",
    "storage": b"ctorch.storage\n_load_from_bytes\n" + b"C" + bytes([len(CALL) + 5]) + b"\x80\x02" + CALL + b")R.\x85R",
    "from within": b"cexplorer.formats.pickled\nunpickle\n" + CALL + b"\x85R",
}


@pytest.fixture(autouse=True)
def extension() -> Iterator[None]:
    """A short name for the canary in Python's own registry, in use already."""
    copyreg.add_extension(hostile.__name__, "canary", 0xF0)
    cache: dict[int, Any] = copyreg._extension_cache  # type: ignore[attr-defined]  # none of its public names
    cache[0xF0] = canary
    yield
    copyreg.remove_extension(hostile.__name__, "canary", 0xF0)
    cache.pop(0xF0, None)


@pytest.mark.parametrize("put", [plainly, in_torch_zip, in_old_layout, in_old_tar], ids=lambda put: put.__name__)
@pytest.mark.parametrize("trick", TRICKS, ids=str)
def test_code_in_pickles(tmp_path: Path, trick: str, put: Callable[[bytes, Path], None]) -> None:
    table = b"}" + text("model") + TRICKS[trick] + b"s."
    for name in ("model.pt", "model.safetensors"):
        put(b"\x80\x02" + table, tmp_path / name)
        refusal(tmp_path / name)


@pytest.mark.parametrize("put", [plainly, in_torch_zip, in_old_layout, in_old_tar], ids=lambda put: put.__name__)
def test_code_in_a_part_of_a_folder(write_points: Callable[..., Path], put: Callable[[bytes, Path], None]) -> None:
    folder = write_points()
    for trick in TRICKS.values():
        put(b"\x80\x02}" + text("conv_in.weight") + trick + b"s.", folder / WEIGHTS)
        assert WEIGHTS in refusal(folder)


DOUBLED = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) + b"0" for i in range(60))
LONG = b"(" + b"N" * 2_000 + b"tq\x000"
BOMBS = {
    "a key of 2⁶⁰ parts": b")q\x000" + DOUBLED + b"}h\x3cNs.",
    "a set of one": b")q\x000" + DOUBLED + b"(h\x3c\x91.",
    "a dict made of one": b")q\x000" + DOUBLED + b"cbuiltins\ndict\n]h\x3cN\x86a\x85R.",
    "a storage named by one": b")q\x000" + DOUBLED + b"(" + text("storage") + b"ctorch\nFloatStorage\nh\x3cNK\x01tQ.",
    "a list copied": LONG + b"](" + b"cbuiltins\nlist\nh\x00\x85R" * 10_000 + b"e.",
    "a call repeated": LONG + b"](" + b"cx\ny\nh\x00R" * 10_000 + b"e.",
    "a set extended": b"cx\ny\n)Rq\x01" + LONG + b"(" + b"h\x00" * 10_000 + b"\x90.",
    "a text turned into bytes": b"X"
    + struct.pack("<I", 100_000)
    + b"x" * 100_000
    + b"q\x000]("
    + b"c_codecs\nencode\nh\x00\x85R" * 10_000
    + b"e.",
    "lists of lists": b"](" + b"]" * 300_000 + b"e.",
    "a shape of many numbers": LONG + b"ctorch._utils\n_rebuild_tensor\n(NK\x00h\x00h\x00tR.",
    "a memo of one place": b"r\xff\xff\xff\x7f" + b"h\x05.",
    "an array": b"\x96" + struct.pack("<Q", 1 << 40) + b".",
    "a number": b"\x8b" + struct.pack("<I", 0x7FFFFFFF) + b"\x01.",
    "itself": b"]q\x00h\x00a.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_pickles_that_grow(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_STEPS", 8_000)  # counting to the real one takes seconds
    for put in (plainly, in_torch_zip, in_old_layout):
        put(b"\x80\x04" + BOMBS[name], tmp_path / f"{put.__name__}.pt")
        refusal(tmp_path / f"{put.__name__}.pt", load=False)


def test_pickles_in_pickles_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_STEPS", 8_000)
    content = b"\x80\x02N."
    for _ in range(5):
        call = b"ctorch.storage\n_load_from_bytes\n"
        held = b"B" + struct.pack("<I", len(content)) + content + b"q\x000"
        content = b"\x80\x02" + held + (call + b"h\x00\x85R0") * 100 + b"N."
    (tmp_path / "model.pt").write_bytes(content)
    refusal(tmp_path / "model.pt", load=False)


def test_modules_that_hold_themselves(tmp_path: Path) -> None:
    persistent = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    module = b"}q\x01(" + text("class_name") + text("EDMPrecond") + text("state") + b"}(" + text("_modules")
    file = tmp_path / "edm.pkl"
    file.write_bytes(b"\x80\x02" + persistent + module + b"}" + text("model") + b"h\x01suu\x85R.")
    refusal(file)


def test_what_is_shown_is_short() -> None:
    nested: Any = 0
    for _ in range(50):
        nested = [nested] * 9
    loop: dict[str, Any] = {}
    loop["x"] = loop
    for value in (nested, loop, 16**9999, Stub("x", (nested,)), "x" * 10**6, {"a": nested}):
        assert len(short(value)) < 200
