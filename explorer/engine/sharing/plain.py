"""Requests as plain values for JSON, and back, with every type checked: a file may hold anything."""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

D = TypeVar("D")
ARRAY = "array"
"""The key under which the number of an array stands in place of the array."""


class Arrays:
    """Arrays, each with a number."""

    def __init__(self) -> None:
        self.all: list[NDArray[np.float32]] = []
        self._places: dict[int, int] = {}

    def place(self, array: NDArray[np.float32]) -> int:
        """The number of an array: one and the same for one and the same."""
        if id(array) not in self._places:
            self._places[id(array)] = len(self.all)
            self.all.append(array)
        return self._places[id(array)]


def to_plain(value: Any, arrays: Arrays | None = None) -> Any:
    """A frozen dataclass, with all that it holds, as JSON's own types.

    arrays: gets the arrays, which are named by their numbers in it; without it they are written as lists.
    """
    if is_dataclass(value) and not isinstance(value, type):
        named = {f.name: to_plain(getattr(value, f.name), arrays) for f in fields(value)}
        return {"is": type(value).__name__, **named}
    if isinstance(value, np.ndarray):
        if arrays is None:
            return value.tolist()
        return {ARRAY: arrays.place(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, arrays) for item in value]
    return value


def from_plain(kind: type[D], value: Any, arrays: Sequence[NDArray[np.float32]] = ()) -> D:
    """The dataclass again. Raises ValueError for anything that is not exactly that; unknown keys are left out."""
    result: D = _dataclass(kind, value, arrays)
    return result


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _dataclass(kind: type[Any], value: Any, arrays: Sequence[NDArray[np.float32]]) -> Any:
    if not isinstance(value, dict) or value.get("is", kind.__name__) != kind.__name__:
        raise ValueError(f"no {kind.__name__}")
    hints, found = _hints(kind), {}  # type: ignore[arg-type]  # a type is hashable, which mypy does not see
    for f in fields(kind):
        if f.name in value:
            try:
                found[f.name] = _value(hints[f.name], value[f.name], arrays)
            except ValueError as error:
                raise ValueError(f"{kind.__name__}.{f.name}: {error}") from None
        elif f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} without {f.name}")
    return kind(**found)


def _value(hint: Any, value: Any, arrays: Sequence[NDArray[np.float32]]) -> Any:
    origin, of = get_origin(hint), get_args(hint)
    if hint is Any:
        return _plain(value)
    if origin is Union or origin is types.UnionType:
        for choice in of:
            try:
                return _value(choice, value, arrays)
            except ValueError:
                continue
    elif origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in of):
            return value
    elif origin is np.ndarray or hint is np.ndarray:
        place = value.get(ARRAY) if isinstance(value, dict) else None
        if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(arrays):
            return arrays[place]
    elif origin is tuple and isinstance(value, list):
        inner = [of[0]] * len(value) if len(of) == 2 and of[1] is Ellipsis else list(of)
        if len(inner) == len(value):
            return tuple(_value(kind, item, arrays) for kind, item in zip(inner, value, strict=True))
    elif origin in (dict, collections.abc.Mapping) and isinstance(value, dict):
        return {str(key): _value(of[1], item, arrays) for key, item in value.items()}
    elif is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, value, arrays)
    elif hint is type(None):
        if value is None:
            return None
    elif (hint is float and isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(hint, type) and type(value) is hint
    ):
        return value
    raise ValueError(f"{str(value)[:40]!r} is not possible")


def _plain(value: Any) -> Any:
    """Text, a number, true or false, or a list of such, which becomes a tuple."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) <= 1e300):
        return value
    raise ValueError(f"{str(value)[:40]!r} is not possible")
