"""The header of a safetensors file: eight bytes of length, then a JSON object of names, types, shapes and places."""

from __future__ import annotations

import json
from typing import IO, Any

from explorer.formats.references import DamagedError

MAX_HEADER = 10_000_000
"""Bytes. The format allows ten times that, which as Python objects would take gigabytes; a network of a thousand
tensors needs 0.1 MB."""


def read_header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """The object, and where in the file the numbers begin. size: of the file. Raises DamagedError, OSError."""
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER:
        raise DamagedError("its header is too long")
    if 8 + length > size:
        raise DamagedError("it ends too early")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except DamagedError:
        raise
    except (ValueError, RecursionError):
        raise DamagedError("its header is not valid JSON") from None
    if not isinstance(header, dict):
        raise DamagedError("its header is not a JSON object")
    return header, 8 + length


def check_places(places: list[tuple[int, int]]) -> None:
    """Raises DamagedError where two tensors share bytes: a few could stand for thousands of large ones."""
    end = 0
    for begin, stop in sorted(place for place in places if place[0] < place[1]):
        if begin < end:
            raise DamagedError("two tensors overlap")
        end = stop


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise DamagedError("its header has a name twice")
    return table
