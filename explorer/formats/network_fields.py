"""The arguments of a network of diffusers out of its configuration, each within stated limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from explorer.facts import ModelError
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields, short, whole

MAX_SIDE = 4096
MAX_LEVELS = 12


@dataclass(frozen=True)
class Limits:
    """What each argument may be: whole numbers and numbers between two ends, true or false, a name, a name for each
    level. plain: arguments that must have one of these values (or be left out), for a network that is read."""

    integers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    numbers: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    booleans: Sequence[str] = ()
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plain: Mapping[str, Sequence[object]] = field(default_factory=dict)
    when_null: Sequence[str] = ()
    """Arguments for which null means something; elsewhere it is the default."""


def read_arguments(fields: Fields, limits: Limits) -> dict[str, Any]:
    """The arguments that are given. Raises ModelError for one outside its limits; those without any are left out."""
    found: dict[str, Any] = {}
    for key, (lowest, highest) in limits.integers.items():
        found[key] = fields.integer(key, None, lowest, highest)
    for key, (least, most) in limits.numbers.items():
        found[key] = fields.number(key, None, least, most)
    for key in limits.booleans:
        found[key] = fields.boolean(key, False) if key in fields else None
    for key, choices in limits.choices.items():
        found[key] = fields.choice(key, None, choices)
    for key, choices in limits.levels.items():
        found[key] = fields.choices(key, choices, MAX_LEVELS)
    for key, values in limits.plain.items():
        if key in fields and fields.values[key] not in values:
            raise ModelError(f"{fields.label} has {key} = {short(fields.values[key])}, which is not read.")
    return {
        key: value
        for key, value in found.items()
        if value is not None or (key in limits.when_null and key in fields.values)
    }


def one_or_each(fields: Fields, key: str, minimum: int, maximum: int) -> int | tuple[int, ...] | None:
    """A whole number, or one for each level."""
    if isinstance(fields.values.get(key), list):
        return fields.integers(key, minimum, maximum, MAX_LEVELS)
    return fields.integer(key, None, minimum, maximum)


def sample_size(fields: Fields, where: str, context: Context) -> Candidate[tuple[int, int]]:
    """(height, width) of what the network works on, which the user or the card may know better than the file."""
    if context.resized:
        return Candidate(None, "file")
    size = fields.values.get("sample_size")
    if size is None:
        return Candidate(None, "file")
    height, width = size if isinstance(size, list) and len(size) == 2 else (size, size)
    if whole(height) and whole(width) and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE:
        return Candidate((height, width), "file", where)
    raise fields.wrong("sample_size", f"the pictures' size, one number or [height, width], 1 to {MAX_SIDE:,}")
