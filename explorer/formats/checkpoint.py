"""One file of trained weights as plain values and references to tensors, told apart by its bytes, read without PyTorch.

Read are safetensors, what torch.save writes (the ZIP archives of today, the layout before 1.6) and plain pickles.
A file that fits no format costs one look at its table of contents; the numbers stay where they are until they are used.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.archive import entries_of
from explorer.formats.bounded import Bounded
from explorer.formats.content import DESCRIPTIONS, content_of
from explorer.formats.fields import short
from explorer.formats.limits import MAX_SHARED, Budget, LimitError
from explorer.formats.pickled import read_old_layout, unpickle
from explorer.formats.references import ITEM_SIZES, DamagedError, StorageRef, TensorRef, tensor_ref
from explorer.formats.safetensors_header import check_places, read_header
from explorer.formats.stubs import Stub

if TYPE_CHECKING:  # facts are read without torch
    from torch import Tensor

    from explorer.formats.tensors import Weights

MAX_PICKLE_BYTES = 50_000_000
"""Of names and shapes in a PyTorch file, without the numbers."""
MAX_FLOATS = 1_000_000
"""Of a table that is read before torch is loaded."""
_SAFETENSORS_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_STRUCT = {"float64": "d", "float32": "f", "float16": "e", "int64": "q", "int32": "i", "int16": "h", "uint8": "B"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """content: the object in the file, made of plain values, TensorRefs and Stubs; of a safetensors file its tensors by
    name. metadata: the texts in the header of a safetensors file. harmful: see `harm.py`."""

    path: Path
    content: Any
    metadata: Mapping[str, str] = field(default_factory=dict)
    harmful: frozenset[str] = frozenset()
    whole: Any = None
    """What the file holds, where `content` is a table inside it."""

    def tensors(self, *keys: str | int) -> dict[str, TensorRef]:
        """The named tensors of a table inside the content, {} where there is none."""
        table = self.get(*keys)
        if not isinstance(table, Mapping):
            return {}
        return {name: value for name, value in table.items() if isinstance(name, str) and isinstance(value, TensorRef)}

    def get(self, *keys: str | int) -> Any:
        """What lies under nested keys or places in lists, None where there is nothing."""
        value = self.content
        for key in keys:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list | tuple) and isinstance(key, int):
                value = value[key] if -len(value) <= key < len(value) else None
            else:
                return None
        return value

    def numbers(self, tensor: TensorRef) -> tuple[float, ...]:
        """A small table as Python numbers, row by row, read without torch. Raises ModelError, OSError."""
        if tensor.dtype not in _STRUCT or tensor.count > MAX_FLOATS or tensor.strides != _rows(tensor.shape):
            raise ModelError(f"{self.path.name} holds a table in a form that is not read ({tensor.dtype}).")
        return struct.unpack(f"<{tensor.count}{_STRUCT[tensor.dtype]}", self._bytes(tensor))

    def tensor(self, tensor: TensorRef) -> Tensor:
        """Its numbers, as a tensor on the CPU. Raises ModelError, OSError."""
        import torch

        dtype = getattr(torch, tensor.dtype)
        if not tensor.count:
            return torch.empty(tensor.shape, dtype=dtype)
        return torch.frombuffer(self._bytes(tensor), dtype=dtype).as_strided(tensor.shape, tensor.strides)

    def _bytes(self, tensor: TensorRef) -> bytearray:
        """From the tensor's first number to its last. Raises ModelError, OSError."""
        storage, item = tensor.storage, ITEM_SIZES[tensor.dtype]
        begin, length = tensor.start * item, tensor.reach * item
        if storage.data is not None:
            return bytearray(storage.data[begin : begin + length])
        with self.path.open("rb") as file:
            file.seek((storage.offset or 0) + begin)
            data = bytearray(min(length, self.path.stat().st_size))
            if file.readinto(data) != length:
                raise ModelError(f"{self.path.name} is damaged or incomplete: download it again.")
        return data

    def weights(self, tensors: Mapping[str, TensorRef]) -> Weights:
        """Named tensors of this file, to be put into a network. Raises ModelError where they share so much memory in
        the file that they would need many times its size; OSError."""
        from explorer.formats.tensors import Weights

        needed = sum(tensor.count * ITEM_SIZES[tensor.dtype] for tensor in tensors.values())
        if needed > MAX_SHARED * self.path.stat().st_size:
            raise ModelError(f"{self.path.name} describes many more numbers than it holds, so it was not opened.")
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        return Weights(self.path.name, shapes, lambda name: self.tensor(tensors[name]))


def peek(path: Path) -> Checkpoint | None:
    """The content of a file of weights; None for everything else, damaged files among it."""
    try:
        return read_checkpoint(path)
    except (ModelError, OSError):
        return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises ModelError, one sentence, for a file that is no checkpoint or a damaged one; OSError."""
    if not path.is_file():
        raise ModelError(f"{path} is no regular file.")
    status = path.stat()
    found = _read_once(path, status.st_size, status.st_mtime_ns)
    if isinstance(found, str):
        raise ModelError(found)
    return found


@lru_cache(maxsize=4)
def _read_once(path: Path, size: int, _changed: int) -> Checkpoint | str:
    """Kept for a few files, with what is wrong with them: every format asks for the same one."""
    try:
        return _read(path, size)
    except ModelError as error:
        return str(error)


def _read(path: Path, size: int) -> Checkpoint:
    """Raises ModelError, OSError."""
    content = content_of(path)
    try:
        if content == "safetensors":
            return _read_safetensors(path, size)
        if content == "zip":
            held, budget = _read_archive(path)
            return Checkpoint(path, held, harmful=frozenset(budget.harmful))
        if content == "pickle":
            with path.open("rb") as file:
                source = Bounded(file, 0, size)
                held = read_old_layout(source)
                return Checkpoint(path, held, harmful=frozenset(source.budget.harmful))
    except LimitError as error:
        raise ModelError(f"{path.name} was not opened: {error}.") from error
    except DamagedError as error:
        raise ModelError(f"{path.name} is damaged or incomplete ({error}): download it again.") from error
    if content == "lfs":
        raise ModelError(
            f"{path.name} is a Git LFS pointer, not the weights: run “git lfs pull” in its folder or download the file."
        )
    raise ModelError(f"{path.name} is {DESCRIPTIONS[content]}, not a file of weights.")


def describe(checkpoint: Checkpoint) -> str:
    """What a file holds, for a message: its first few names."""
    content = checkpoint.content
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}" if not isinstance(content, Stub) else f"a {content.name}"[:80]
    names = ", ".join(name[:40] if isinstance(name, str) else short(name)[:40] for name in islice(content, 3))
    return f"{names} …" if len(content) > 3 else names or "nothing"


def _read_safetensors(path: Path, size: int) -> Checkpoint:
    with path.open("rb") as file:
        header, data = read_header(file, size)
    metadata = header.pop("__metadata__", {})
    tensors = {name: _safetensor(entry, data, size) for name, entry in header.items()}
    check_places([tuple(entry["data_offsets"]) for entry in header.values()])
    return Checkpoint(path, tensors, metadata if isinstance(metadata, dict) else {})


def _safetensor(entry: Any, data: int, size: int) -> TensorRef:
    """data: where the numbers begin in the file. Raises DamagedError."""
    try:
        named, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        dtype = _SAFETENSORS_TYPES.get(named)
    except (TypeError, KeyError, ValueError):
        raise DamagedError("its header describes no tensors") from None
    if dtype is None:
        raise LimitError(f"it holds numbers in a form that is not read ({short(named)})")
    if not isinstance(begin, int) or not isinstance(end, int) or not 0 <= begin <= end <= size - data:
        raise DamagedError("it ends too early")
    storage = StorageRef(dtype, (end - begin) // ITEM_SIZES[dtype], data + begin)
    return tensor_ref(storage, 0, shape, _rows(shape))


def _read_archive(path: Path) -> tuple[Any, Budget]:
    """The object, and what was spent on it. Raises DamagedError, ModelError, OSError."""
    with path.open("rb") as file:
        entries = {entry.filename: entry for entry in entries_of(file)}
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if any(name.endswith("/constants.pkl") for name in entries):
            raise ModelError(f"{path.name} is a TorchScript program, not a file of weights.")
        if len(pickles) != 1:
            raise ModelError(f"{path.name} is a ZIP archive, not a file of weights.")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise ModelError(f"{path.name} is compressed, which PyTorch's own files never are, so it was not opened.")
        (root,) = pickles
        if entries[root].file_size > MAX_PICKLE_BYTES:
            raise ModelError(f"{path.name} describes more tensors than any network has, so it was not opened.")
        folder, storages = root.removesuffix("data.pkl"), dict[str, StorageRef]()

        def storage(key: str, dtype: str, count: int) -> StorageRef:
            if key not in storages:
                entry = entries.get(f"{folder}data/{key}")
                if entry is None or count * ITEM_SIZES[dtype] > entry.file_size:
                    raise DamagedError("a tensor's numbers are missing")
                here = file.tell()
                storages[key] = StorageRef(dtype, count, _begin(file, entry))
                file.seek(here)
            return storages[key]

        source = Bounded(file, _begin(file, entries[root]), entries[root].file_size)
        return unpickle(source, storage), source.budget


def _begin(file: Any, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes lie, behind its own header. Raises DamagedError where they would lie outside the file."""
    file.seek(entry.header_offset)
    header = file.read(30)
    if len(header) != 30 or header[:4] != b"PK\x03\x04":
        raise DamagedError("an entry is missing")
    offset = entry.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    if offset + entry.file_size > file.seek(0, 2):
        raise DamagedError("it ends too early")
    return int(offset)


def _rows(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The strides of a tensor stored row by row."""
    strides, step = list[int](), 1
    for size in reversed(shape):
        strides.append(step)
        step *= size if isinstance(size, int) and size > 0 else 1
    return tuple(reversed(strides))
