"""Pickles read without running anything of them: tensors become references, classes become names.

A pickle is a program that calls what it names. Here nothing is ever imported for it: of the names in a file, a handful
(ordered dictionaries, the functions with which PyTorch rebuilds tensors) stand for inert functions of our own, and
every other one for a `Stub` that remembers its arguments and state. So a file of any age and origin can be looked at,
with no PyTorch in memory, and what a hostile one can do is to hold odd values.

No number in the file decides how much memory is taken: every length is compared with what is left of the file.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from explorer.formats.references import ITEM_SIZES, DamagedError, StorageRef, TensorRef, tensor_ref

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""The first object in a file that torch.save wrote before its version 1.6, and of every storage inside a pickle."""
LARGE = 1 << 16
"""Longer strings of bytes are left in the file. Below that, pickle keeps them inside its frames."""


STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "uint8",
}


@dataclass(eq=False)
class Stub:
    """An object of a class that is not known here: the class's name, what it was made with, and what was put in it."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)

    def __call__(self, *arguments: Any, **_: Any) -> Stub:
        return Stub(self.name, arguments)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        self.elements.append(value)

    def extend(self, values: Sequence[Any]) -> None:
        self.elements.extend(values)

    update = add = extend

    @property
    def attributes(self) -> dict[str, Any]:
        """What the object's own names stand for, as far as the file says it plainly."""
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        found = dict(state) if isinstance(state, dict) else {}
        return {str(key): value for key, value in (found | self.items).items()}


@dataclass(frozen=True)
class Name:
    """A class or function that a file names. Calling it makes a Stub."""

    name: str

    def __call__(self, *arguments: Any, **_: Any) -> Stub:
        return Stub(self.name, arguments)


@dataclass(frozen=True)
class Blob:
    """Bytes left in the file."""

    offset: int
    length: int


@dataclass(frozen=True)
class _StorageType:
    dtype: str


class Bounded:
    """A part of a file, whose reads never ask for more than there is."""

    def __init__(self, file: IO[bytes], offset: int, length: int) -> None:
        self.file, self.end = file, offset + length
        file.seek(offset)

    @property
    def left(self) -> int:
        return self.end - self.file.tell()

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise DamagedError("it ends too early")
        return self.file.read(count)

    def readline(self) -> bytes:
        return self.file.readline(min(self.left, 1 << 20))

    def skip(self, count: int) -> Blob:
        if not 0 <= count <= self.left:
            raise DamagedError("it ends too early")
        blob = Blob(self.file.tell(), count)
        self.file.seek(count, io.SEEK_CUR)
        return blob


_Base: Any = pickle._Unpickler
"""The unpickler in Python: the one in C believes lengths and indices that the file states."""


class InertUnpickler(_Base):  # type: ignore[misc]
    """Reads one pickled object of `source`. storage: (key, type, count) → the storage that PyTorch's files mention."""

    def __init__(self, source: Bounded, storage: Callable[[str, str, int], StorageRef] | None = None) -> None:
        super().__init__(source, encoding="latin1")
        self._source = source
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if module in ("torch", "torch.storage", "torch.cuda") and name in STORAGES:
            return _StorageType(STORAGES[name])
        if module == "torch" and name in ITEM_SIZES:
            return _StorageType(name)
        if full == "torch.storage._load_from_bytes":
            return self._load_from_bytes
        return _KNOWN.get(full, Name(full))

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) >= 2 and pid[0] == "module":
            return pid[1]
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or self._storage is None:
            raise DamagedError("it refers to something outside")
        _, kind, key, _, count, *rest = pid
        if not isinstance(kind, _StorageType) or not isinstance(count, int) or count < 0:
            raise DamagedError("a storage is none")
        if rest and rest[0] is not None:
            raise DamagedError("it holds views of storages, which nothing has written since 2017")
        return self._storage(str(key), kind.dtype, count)

    def _load_from_bytes(self, data: Any) -> StorageRef:
        """A storage pickled by itself: a whole PyTorch file of the old layout inside the pickle."""
        here = self._source.file.tell()
        if isinstance(data, Blob):
            content = read_old_layout(Bounded(self._source.file, data.offset, data.length))
        elif isinstance(data, bytes):
            content = read_old_layout(Bounded(io.BytesIO(data), 0, len(data)))
        else:
            raise DamagedError("a storage is none")
        self._source.file.seek(here)
        if not isinstance(content, StorageRef) or content.offset is None:
            raise DamagedError("a storage is none")
        if isinstance(data, bytes):
            content.data = data[content.offset : content.offset + content.size]
        return content

    # What follows replaces steps of the unpickler that would touch attributes of objects, or copy large data.

    def load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Stub):
            self.stack[-1].state = state

    def load_newobj(self) -> None:
        arguments = self.stack.pop()
        self.append(self.stack.pop()(*arguments))

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_newobj()

    def load_binbytes(self) -> None:
        self.append(self._bytes(struct.unpack("<I", self.read(4))[0]))

    def load_binbytes8(self) -> None:
        self.append(self._bytes(struct.unpack("<Q", self.read(8))[0]))

    def load_bytearray8(self) -> None:
        raise DamagedError("it holds an array of bytes")  # its length would be believed

    def _bytes(self, length: int) -> bytes | Blob:
        frame = self._unframer.current_frame
        if length < LARGE or (frame is not None and frame.tell() < len(frame.getbuffer())):
            read: bytes = self.read(length)
            return read
        return self._source.skip(length)

    dispatch = _Base.dispatch | {
        pickle.BUILD[0]: load_build,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.NEWOBJ_EX[0]: load_newobj_ex,
        pickle.BINBYTES[0]: load_binbytes,
        pickle.BINBYTES8[0]: load_binbytes8,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def unpickle(source: Bounded, storage: Callable[[str, str, int], StorageRef] | None = None) -> Any:
    """One object. Raises DamagedError for anything that is no pickle to its end."""
    try:
        return InertUnpickler(source, storage).load()
    except DamagedError:
        raise
    except Exception as error:  # whatever a damaged pickle makes the reader stumble over
        raise DamagedError("it is no pickle to its end") from error


def read_old_layout(source: Bounded) -> Any:
    """What torch.save wrote before its version 1.6: a magic number, then the object, then its storages' numbers.

    A pickle of any other kind is read as itself.
    """
    first = unpickle(source)
    if first != MAGIC_NUMBER:
        return first
    version, _system = unpickle(source), unpickle(source)
    if version != 1001:
        raise DamagedError(f"it is of an unknown version, {version!r}"[:80])
    storages: dict[str, StorageRef] = {}

    def storage(key: str, dtype: str, count: int) -> StorageRef:
        return storages.setdefault(key, StorageRef(dtype, count))

    content = unpickle(source, storage)
    keys = unpickle(source)
    if not isinstance(keys, list) or not set(map(str, keys)) == set(storages):
        raise DamagedError("its storages are not those it mentions")
    for key in keys:
        reference = storages[str(key)]
        if struct.unpack("<q", source.read(8))[0] != reference.count:
            raise DamagedError("a storage has another size than stated")
        reference.offset = source.skip(reference.size).offset
    return content


def _tensor(storage: Any, start: Any, shape: Any, strides: Any, *rest: Any) -> TensorRef:
    """What torch._utils._rebuild_tensor and its later versions are called with. Raises DamagedError."""
    dtype = next((value.dtype for value in rest if isinstance(value, _StorageType)), "")
    if not isinstance(storage, StorageRef):
        raise DamagedError("a tensor has no numbers")
    if dtype and dtype != storage.dtype:  # untyped storages count bytes
        count, left = divmod(storage.size, ITEM_SIZES[dtype])
        if left:
            raise DamagedError("a tensor does not fit its storage")
        storage = StorageRef(dtype, count, storage.offset, storage.data)
    return tensor_ref(storage, start, shape, strides)


def _first(value: Any, *_: Any) -> Any:
    return value


def _encode(text: Any, *_: Any) -> bytes:
    """How the second protocol writes bytes."""
    if not isinstance(text, str):
        raise DamagedError("bytes are none")
    return text.encode("latin1")


def _plain(kind: type) -> Callable[..., Any]:
    def make(value: Any = (), *_: Any) -> Any:
        return kind(value if isinstance(value, list | tuple | dict) else ())

    return make


_KNOWN: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.Size": _plain(tuple),
    "collections.OrderedDict": _plain(OrderedDict),
    "collections.defaultdict": lambda *_: {},
    "builtins.set": _plain(set),
    "builtins.list": _plain(list),
    "builtins.dict": _plain(dict),
    "__builtin__.set": _plain(set),
    "_codecs.encode": _encode,
}
"""By full name: what stands for it here."""
