"""Files made to do harm, and how to see that they did none."""

from __future__ import annotations

import importlib
import io
import pickle
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.network import MODULES

MEMORY = 16_000_000
"""What may be taken for a small file, in bytes."""

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "moons"

ran: list[str] = []


def canary(*_: Any, **__: Any) -> str:
    """What the files below try to call."""
    ran.append("called")
    return "canary"


class Canary:
    """What they try to make, or to put a state into."""

    def __new__(cls, *_: Any, **__: Any) -> Canary:
        ran.append("made")
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        ran.append("given a state")

    def __setitem__(self, _: Any, __: Any) -> None:
        ran.append("given an item")


@cache
def _imported() -> None:
    """Import what opening a model imports when it is first needed: that is the program's memory and not the file's."""
    registry.load(SHIPPED, "cpu")
    for name in ("yaml", *MODULES.values()):
        importlib.import_module(name)


@contextmanager
def bounded(most: int = MEMORY) -> Iterator[None]:
    """Nothing of the files runs within, and less memory than `most` bytes is taken."""
    _imported()
    ran.clear()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not ran
    assert peak < most


def refusal(path: Path, load: bool = True) -> str:
    with bounded(), pytest.raises(ModelError) as caught:
        registry.load(path, "cpu") if load else registry.inspect(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) < 600
    return message


def in_torch_zip(content: bytes, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")


def in_old_layout(content: bytes, file: Path) -> None:
    head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    file.write_bytes(head + content + pickle.dumps([], 2))


def in_old_tar(content: bytes, file: Path) -> None:
    """What PyTorch wrote before 2016: its reader unpickled the entry “pickle”."""
    with tarfile.open(file, "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def plainly(content: bytes, file: Path) -> None:
    file.write_bytes(content)
