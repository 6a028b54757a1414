"""Configuration files read with suspicion: bounded JSON, and typed look-ups whose errors are one plain sentence."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from explorer.facts import ModelError
from explorer.formats.content import content_of_bytes

MAX_JSON_BYTES = 5_000_000
MAX_SHOWN = 160
"""Characters of a value in a message."""

D = TypeVar("D")


def read_json(path: Path, label: str) -> dict[str, Any]:
    """The JSON object in a file. label: what messages call the file.

    Raises ModelError for what is no regular file, larger than MAX_JSON_BYTES, not UTF-8, not JSON, nested
    too deeply, or JSON of another kind than an object.
    """
    if not path.is_file():
        raise ModelError(f"{label} is missing or is no regular file.")
    with path.open("rb") as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ModelError(f"{label} is larger than {MAX_JSON_BYTES // 1_000_000} MB, too large for a configuration.")
    if content_of_bytes(data[:512]) == "lfs":
        raise ModelError(f"{label} is a Git LFS pointer: run “git lfs pull” in its folder or download the file.")
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ModelError(f"{label} is not valid JSON: it may be damaged, so download or write it again.") from None
    if not isinstance(values, dict):
        raise ModelError(f"{label} must hold a JSON object, not {short(values)}.")
    return values


class _Short(reprlib.Repr):
    """Looks at a few parts of a value, however many it has or however often it holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3

    def repr_OrderedDict(self, value: Any, level: int) -> str:  # noqa: N802 — the class's name
        return self.repr_dict(value, level)

    def repr_int(self, value: int, level: int) -> str:
        return super().repr_int(value, level) if value.bit_length() < 10_000 else "a number of thousands of digits"


_SHORT = _Short()


def short(value: object) -> str:
    """A value as it is shown in a message: one line, at most MAX_SHOWN characters."""
    text = _SHORT.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def whole(value: object) -> TypeGuard[int]:
    """True for a whole number; JSON's true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def finite(value: object) -> TypeGuard[float]:
    """True for a number that float64 can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


class Fields:
    """Typed look-ups in a JSON object.

    A key that is absent or null gives the default. Anything of another type or outside the stated limits
    raises ModelError naming the file (`label`), the key, what is allowed and what was found.
    """

    def __init__(self, values: Mapping[str, Any], label: str) -> None:
        self.values = values
        self.label = label

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def wrong(self, key: str, expected: str) -> ModelError:
        """The error to raise for a key's value; expected: "a whole number", …"""
        return ModelError(f"In {self.label}, {key} must be {expected}, not {short(self.values.get(key))}.")

    def integer(self, key: str, default: D, minimum: int, maximum: int) -> int | D:
        """The key's value, a whole number; the default where there is none. Raises ModelError for another."""
        value = self.values.get(key)
        if value is None:
            return default
        if not whole(value) or not minimum <= value <= maximum:
            raise self.wrong(key, f"a whole number from {minimum:,} to {maximum:,}")
        return int(value)

    def number(self, key: str, default: D, minimum: float, maximum: float) -> float | D:
        """The key's value, a number; the default where there is none. Raises ModelError for another."""
        value = self.values.get(key)
        if value is None:
            return default
        if not finite(value) or not minimum <= value <= maximum:
            raise self.wrong(key, f"a number from {minimum:g} to {maximum:g}")
        return float(value)

    def boolean(self, key: str, default: bool) -> bool:
        """The key's value, true or false; the default where there is none. Raises ModelError for another."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def choice(self, key: str, default: D, choices: Sequence[str]) -> str | D:
        """The key's value, one of some texts; the default where there is none. Raises ModelError for another."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}")
        return value

    def integers(self, key: str, minimum: int, maximum: int, most: int) -> tuple[int, ...] | None:
        """A list of 1 … `most` whole numbers."""
        value = self.values.get(key)
        if value is None:
            return None
        valid = isinstance(value, list) and 1 <= len(value) <= most
        if not valid or not all(whole(item) and minimum <= item <= maximum for item in value):
            raise self.wrong(key, f"a list of 1 to {most:,} whole numbers from {minimum:,} to {maximum:,}")
        return tuple(value)

    def numbers(self, key: str, minimum: float, maximum: float, most: int) -> tuple[float, ...] | None:
        """A list of 1 … `most` numbers."""
        value = self.values.get(key)
        if value is None:
            return None
        valid = isinstance(value, list) and 1 <= len(value) <= most
        if not valid or not all(finite(item) and minimum <= item <= maximum for item in value):
            raise self.wrong(key, f"a list of 1 to {most:,} numbers from {minimum:g} to {maximum:g}")
        return tuple(float(item) for item in value)

    def choices(self, key: str, choices: Sequence[str], most: int) -> tuple[str, ...] | None:
        """A list of 1 … `most` of the names in `choices`."""
        value = self.values.get(key)
        if value is None:
            return None
        valid = isinstance(value, list) and 1 <= len(value) <= most
        if not valid or not all(isinstance(item, str) and item in choices for item in value):
            raise self.wrong(key, f"a list of 1 to {most:,} of the names {', '.join(choices)}")
        return tuple(value)

    def object(self, key: str) -> Fields | None:
        """A nested JSON object."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(key, "a JSON object")
        return Fields(value, f"{self.label} ({key})")
