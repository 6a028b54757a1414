"""Reading a saved state: what each value can be. It is a file that anybody may have edited."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from explorer.request import ByHand, ScheduleChoice
from explorer.state.errors import ChoiceError


def values_of(text: str) -> dict[str, Any]:
    """The fields of a State that a JSON text holds; unknown keys are ignored.

    Raises ChoiceError where the text is no JSON object, or a value is none that this choice can have.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChoiceError(f"This is not a saved state: {error}.") from error
    if not isinstance(values, dict):
        raise ChoiceError("This is not a saved state: it holds no named values.")
    values = {key: value for key, value in values.items() if key in _VALID}
    for key, value in values.items():
        if not _VALID[key](value):
            raise ChoiceError(f"This is not a saved state: {key} cannot be {_short(value)}.")
    for key in ("lenses", "guidance_interval"):
        if values.get(key) is not None:
            values[key] = tuple(values[key])
    if "by_hand" in values:
        values["by_hand"] = _by_hand_of(values["by_hand"])
    if "schedule" in values:
        values["schedule"] = _schedule_of(values["schedule"])
    return values


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A finite number, not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def _schedule(value: Any) -> bool:
    pairs = [*value.get("parameters", ()), *value.get("points", ())] if isinstance(value, dict) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 and is_number(pair[1]) for pair in pairs):
        return False
    named = all(_text(key) for key, _ in value.get("parameters", ()))
    texts = _text(value.get("name")) and _text(value.get("path", "")) and _whole(value.get("changed", 0))
    return named and texts and all(is_number(t) for t, _ in value.get("points", ()))


def _schedule_of(value: Mapping[str, Any]) -> ScheduleChoice:
    parameters, points = (tuple((a, b) for a, b in value.get(key, ())) for key in ("parameters", "points"))
    return ScheduleChoice(value["name"], parameters, points, value.get("path", ""), value.get("changed", 0))


def _by_hand(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"place", "values"}:
        return False
    place, values = value["place"], value["values"]
    placed = place is None or (isinstance(place, list) and len(place) == 2 and all(is_number(v) for v in place))
    pairs = isinstance(values, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in values)
    return placed and pairs and all(_whole(i) and i >= 0 and is_number(v) for i, v in values)


def _by_hand_of(value: Mapping[str, Any]) -> ByHand:
    place = value["place"]
    return ByHand(None if place is None else (place[0], place[1]), tuple((i, v) for i, v in value["values"]))


_VALID: dict[str, Callable[[Any], bool]] = {
    "model": _text_or_none,
    "device": _text,
    "source": lambda value: value in ("forward", "reverse"),
    "t": _whole,
    "sample": _whole,
    "count": _whole,
    "noise_seed": _whole,
    "picture": _text_or_none,
    "label": lambda value: value is None or _whole(value),
    "prompt": _text,
    "negative_prompt": _text,
    "guidance_scale": is_number,
    "guidance_kind": lambda value: value in ("classifier-free", "classifier"),
    "guidance_interval": lambda value: (
        value is None or (isinstance(value, list) and len(value) == 2 and all(is_number(end) for end in value))
    ),
    "guidance_rescale": is_number,
    "sampler": _text,
    "steps": _whole,
    "sampler_seed": _whole,
    "parameters": lambda value: (
        isinstance(value, dict) and all(isinstance(v, bool | str) or is_number(v) for v in value.values())
    ),
    "schedule": _schedule,
    "lenses": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "step": _whole,
    "by_hand": _by_hand,
    "partner": _whole,
}
"""What each value can be, by the field's name."""
