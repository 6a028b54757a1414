"""Pickles read without running anything of them: tensors become references, classes become names.

A pickle is a program that calls what it names. Here nothing is ever imported for it: of the names in a file, a handful
(ordered dictionaries, the functions with which PyTorch rebuilds tensors) stand for inert functions of our own, and
every other one for a `Stub` that remembers its arguments and state. So a file of any age and origin can be looked at,
with no PyTorch in memory, and what a hostile one can do is to hold odd values.

No number in the file decides how much memory is taken: every length is compared with what is left of the file, and the
steps of the program are counted (see `limits.py`).
"""

from __future__ import annotations

import io
import pickle
import re
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from explorer.formats.bounded import Blob, Bounded
from explorer.formats.harm import harmful_name
from explorer.formats.limits import Budget, LimitError, check_key
from explorer.formats.references import ITEM_SIZES, MAX_NUMBER, DamagedError, StorageRef, TensorRef, tensor_ref
from explorer.formats.stubs import Name, Stub

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""The first object in a file that torch.save wrote before its version 1.6, and of every storage inside a pickle."""
LARGE = 1 << 16
"""Longer strings of bytes are left in the file. Below that, pickle keeps them inside its frames."""


_TYPE = re.compile(r"torch\.(u?int|float|bits|q|complex)[0-9a-z_]*$")
"""A type of numbers, in the place where a tensor names its own."""

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
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}


@dataclass(frozen=True)
class _StorageType:
    dtype: str


_Base: Any = pickle._Unpickler
"""The unpickler in Python: the one in C believes lengths and indices that the file states."""


class _Counted(dict[int, Callable[..., None]]):
    """The instructions of pickles, each look-up of which is a step."""

    budget: Budget

    def __getitem__(self, code: int) -> Callable[..., None]:
        self.budget.spend(1)
        return super().__getitem__(code)


class InertUnpickler(_Base):  # type: ignore[misc]  # the base has no type
    """Reads one pickled object of `source`. storage: (key, type, count) → the storage that PyTorch's files mention."""

    def __init__(self, source: Bounded, storage: Callable[[str, str, int], StorageRef] | None = None) -> None:
        super().__init__(source, encoding="latin1")
        self._source = source
        self._storage = storage
        self.dispatch = _Counted(type(self).dispatch)
        self.dispatch.budget = source.budget

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if module in ("torch", "torch.storage", "torch.cuda") and name in STORAGES:
            return _StorageType(STORAGES[name])
        if module == "torch" and name in ITEM_SIZES:
            return _StorageType(name)
        if full == "torch.storage._load_from_bytes":
            return self._load_from_bytes
        if full == "_codecs.encode":
            return self._encode
        if full in _CONTAINERS:
            return partial(self._container, _CONTAINERS[full])
        if harmful := harmful_name(module, name):
            self._source.budget.harmful.add(harmful)
        return _KNOWN.get(full, Name(full))

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) >= 2 and pid[0] == "module":
            return pid[1]
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage" or self._storage is None:
            raise DamagedError("it refers to data outside the file")
        _, kind, key, _, count, *rest = pid
        if not isinstance(key, str | int) or not isinstance(kind, _StorageType):
            raise DamagedError("a block of numbers is described wrongly")
        if not isinstance(count, int) or not 0 <= count <= MAX_NUMBER:
            raise DamagedError("a block of numbers is described wrongly")
        if rest and rest[0] is not None:
            raise DamagedError("it shares its numbers in a way that nothing has written since 2017")
        return self._storage(str(key), kind.dtype, count)

    def _load_from_bytes(self, data: Any) -> StorageRef:
        """A storage pickled by itself: a whole PyTorch file of the old layout inside the pickle."""
        here = self._source.file.tell()
        if isinstance(data, Blob):
            content = read_old_layout(Bounded(self._source.file, data.offset, data.length, self._source.budget))
        elif isinstance(data, bytes):
            content = read_old_layout(Bounded(io.BytesIO(data), 0, len(data), self._source.budget))
        else:
            raise DamagedError("a block of numbers is described wrongly")
        self._source.file.seek(here)
        if not isinstance(content, StorageRef) or content.offset is None:
            raise DamagedError("a block of numbers is described wrongly")
        if isinstance(data, bytes):
            content.data = memoryview(data)[content.offset : content.offset + content.size]
        return content

    def _encode(self, text: Any, *_: Any) -> bytes:
        """How the second protocol writes bytes."""
        if not isinstance(text, str):
            raise DamagedError("a string of bytes is described wrongly")
        self._source.budget.spend(bytes=len(text))
        return text.encode("latin1")

    def _container(self, kind: type, value: Any = (), *_: Any) -> Any:
        if not isinstance(value, list | tuple | dict):
            return kind()
        self._source.budget.spend(len(value))
        if kind is not list and kind is not tuple:
            for part in value:
                check_key(
                    part[0] if isinstance(part, tuple | list) and kind is not set and part else part,
                    self._source.budget,
                )
        return kind(value)

    def get_extension(self, code: int) -> None:
        """Python's registry of short names for classes is not asked: it could hand out the class itself."""
        self.append(Name(f"extension {code}"))

    # What follows replaces steps of the unpickler that would touch attributes of objects, copy large data, or take the
    # hash of endless keys.

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.append(self._called(self.stack.pop(), arguments))

    def _called(self, made: Any, arguments: Any) -> Any:
        if not isinstance(arguments, tuple):
            raise DamagedError("one of its steps is no step")
        self._source.budget.spend(len(arguments))
        return made(*arguments)

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append(self._table({}, items))

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._table(self.stack[-1], [key, value])

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._table(self.stack[-1], items)

    def _table(self, table: Any, items: list[Any]) -> Any:
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(key, self._source.budget)
            table[key] = value
        return table

    def load_additems(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item, self._source.budget)
            self.stack[-1].add(item)

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item, self._source.budget)
        self.append(frozenset(items))

    def load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Stub):
            self.stack[-1].state = state

    def load_newobj(self) -> None:
        self.load_reduce()

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_newobj()

    def load_binbytes(self) -> None:
        self.append(self._bytes(struct.unpack("<I", self.read(4))[0]))

    def load_binbytes8(self) -> None:
        self.append(self._bytes(struct.unpack("<Q", self.read(8))[0]))

    def load_bytearray8(self) -> None:
        raise DamagedError("it holds an array of bytes, as no checkpoint does")  # its length would be believed

    def _bytes(self, length: int) -> bytes | Blob:
        frame = self._unframer.current_frame
        if length < LARGE or (frame is not None and frame.tell() < len(frame.getbuffer())):
            read: bytes = self.read(length)
            return read
        return self._source.skip(length)

    dispatch = _Base.dispatch | {
        pickle.REDUCE[0]: load_reduce,
        pickle.DICT[0]: load_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.ADDITEMS[0]: load_additems,
        pickle.FROZENSET[0]: load_frozenset,
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
        raise DamagedError("its pickle breaks off or is faulty") from error


def read_old_layout(source: Bounded) -> Any:
    """What torch.save wrote before its version 1.6: a magic number, then the object, then its storages' numbers.

    A pickle of any other kind is read as itself.
    """
    first = unpickle(source)
    if first != MAGIC_NUMBER:
        return first
    version, _system = unpickle(source), unpickle(source)
    if version != 1001:
        raise DamagedError("it is of an unknown version")
    storages: dict[str, StorageRef] = {}

    def storage(key: str, dtype: str, count: int) -> StorageRef:
        return storages.setdefault(key, StorageRef(dtype, count))

    content = unpickle(source, storage)
    keys = unpickle(source)
    if not isinstance(keys, list) or not all(isinstance(key, str | int) for key in keys):
        raise DamagedError("its list of numbers is faulty")
    if len(keys) != len(storages) or set(map(str, keys)) != set(storages):
        raise DamagedError("its blocks of numbers are not those it mentions")
    for key in keys:
        reference = storages[str(key)]
        if struct.unpack("<q", source.read(8))[0] != reference.count:
            raise DamagedError("a block of numbers has another size than stated")
        reference.offset = source.skip(reference.size).offset
    return content


def _tensor(storage: Any, start: Any, shape: Any, strides: Any, *rest: Any) -> TensorRef:
    """What torch._utils._rebuild_tensor and its later versions are called with. Raises DamagedError."""
    dtype = next((value.dtype for value in rest if isinstance(value, _StorageType)), "")
    if unknown := next((value.name for value in rest if isinstance(value, Name) and _TYPE.match(value.name)), ""):
        raise LimitError(f"it holds numbers in a form that is not read ({unknown})")
    if not isinstance(storage, StorageRef):
        raise DamagedError("a tensor has no numbers")
    if dtype and dtype != storage.dtype:  # untyped storages count bytes
        count, left = divmod(storage.size, ITEM_SIZES[dtype])
        if left:
            raise DamagedError("a tensor is larger than its numbers")
        storage = StorageRef(dtype, count, storage.offset, storage.data)
    return tensor_ref(storage, start, shape, strides)


def _first(value: Any, *_: Any) -> Any:
    return value


_KNOWN: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "collections.defaultdict": lambda *_: {},
}
"""By full name: what stands for it here."""
_CONTAINERS: dict[str, type] = {
    "torch.Size": tuple,
    "collections.OrderedDict": OrderedDict,
    "builtins.set": set,
    "builtins.list": list,
    "builtins.dict": dict,
    "__builtin__.set": set,
}
