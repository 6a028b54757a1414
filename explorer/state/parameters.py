"""What follows from a sampler's parameter: a list of times goes with the spacing "custom"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FIRST_TIMES = 10
"""How many times a list of the user's own begins with."""


def with_parameter(parameters: Mapping[str, Any], name: str, value: Any, times: Sequence[int] = ()) -> dict[str, Any]:
    """Sampler parameters with another value, and what follows from it: a list of times goes with the spacing
    "custom". times: those of the present run, descending to 0; a list that is not there yet begins with some of
    them."""
    values = {**parameters, name: value}
    if name == "times":
        if value.strip():
            values["spacing"] = "custom"
        elif values.get("spacing") == "custom":
            del values["spacing"]
    if name == "spacing" and value == "custom" and not values.get("times") and len(times) > 1:
        count = min(len(times) - 1, FIRST_TIMES)
        values["times"] = ", ".join(str(times[i * (len(times) - 1) // count]) for i in range(count))
    return values


def with_custom_times(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Sampler parameters whose list of times, where there is one and no spacing is chosen, counts."""
    values = dict(parameters)
    if values.get("times"):
        values.setdefault("spacing", "custom")
    return values
