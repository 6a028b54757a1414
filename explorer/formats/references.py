"""Tensors in a file that have not been read: where their numbers lie, and how they are arranged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

MAX_DIMENSIONS = 8
MAX_NUMBER = 1 << 48
"""Of a shape, a stride or a place."""
MAX_EMPTY = 1 << 20
"""Of the shape of a tensor without numbers, which its file does not bound: networks are made by the shapes."""
ITEM_SIZES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "complex64": 8,
    "complex128": 16,
}
"""Bytes a number, by the name that torch has for the type."""


class DamagedError(ValueError):
    """A file that ends too early or contradicts itself."""


@dataclass(eq=False)
class StorageRef:
    """Numbers in a file: `count` of a type, from byte `offset` on; None where the file has not been asked yet."""

    dtype: str
    count: int
    offset: int | None = None
    data: memoryview | None = field(default=None, repr=False)
    """The bytes themselves, of a small storage inside a pickle."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.count * ITEM_SIZES[self.dtype]


@dataclass(frozen=True, eq=False)
class TensorRef:
    """A tensor in a file, not read yet. start and strides count numbers, not bytes."""

    storage: StorageRef
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int = 0
    dtype: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", self.dtype or self.storage.dtype)

    @property
    def count(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)

    @property
    def reach(self) -> int:
        """How many numbers of the storage lie between the first and the last of the tensor, both included."""
        if not self.count:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


def tensor_ref(storage: StorageRef, start: Any, shape: Any, strides: Any) -> TensorRef:
    """Raises DamagedError unless every number of the tensor lies in its storage, and none is there twice."""
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
        raise DamagedError("a tensor has an impossible shape")
    numbers = (start, *shape, *strides)
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= MAX_NUMBER for n in numbers):
        raise DamagedError("a tensor has an impossible shape")
    if 0 in shape and max(shape) > MAX_EMPTY:
        raise DamagedError("a tensor has an impossible shape")
    tensor = TensorRef(storage, tuple(shape), tuple(strides), start)
    if start + tensor.reach > storage.count or tensor.count > tensor.reach:
        raise DamagedError("a tensor is larger than its numbers")
    return tensor
