"""Facts as a person writes them on the command line or in a field: `prediction=v`, `value_range=0,1`, …"""

from __future__ import annotations

import json
import re
from typing import Any

from explorer.facts import ModelError
from explorer.formats.corrections import PARSERS
from explorer.formats.fields import short

YES = {"true": True, "yes": True, "false": False, "no": False}
EXAMPLES = {
    "title": "My model",
    "prediction": "v",
    "class_names": "cat,dog",
    "null_label": "2",
    "value_range": "0,1",
    "schedule": "linear:beta_start=0.0001,beta_end=0.02",
    "T": "1000",
    "time_offset": "-1",
    "time_scale": "4",
    "time_reversed": "true",
    "variance": "fixed_large",
    "weights": "ema",
    "size": "64×96",
    "preset": "imagenet64",
    "autoencoder": "vae",
    "kind": "latent",
    "format": "openai",
    "heads": "4",
    "qkv_order": "heads first",
    "activation": "relu",
    "groups": "8",
    "time_input": "sigma",
    "labels": "10",
}
TEXTS = (
    "title",
    "prediction",
    "variance",
    "weights",
    "preset",
    "autoencoder",
    "kind",
    "format",
    "heads",
    "qkv_order",
    "activation",
    "time_input",
)
"""Facts whose value is what is written."""


def read_setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE as (key, value as a card has it); None for an empty VALUE, which is the model's own word again.

    Raises ModelError, one sentence with an example.
    """
    key, separator, value = text.partition("=")
    key = key.strip()
    if not separator or key not in PARSERS:
        raise ModelError(f"A fact is set as KEY=VALUE, KEY being one of {', '.join(PARSERS)}; {short(text)} is not.")
    return key, read_value(key, value)


def read_value(key: str, text: str) -> Any:
    """The value of a fact as it is written, None where it is blank. Raises ModelError."""
    text = text.strip()
    if not text:
        return None
    try:
        value = _value(key, text)
        PARSERS[key](value)
    except (ValueError, RecursionError) as error:
        reason = str(error)  # a parser's says what is expected; those of int(), float() and JSON do not
        foreign = not reason or reason[0].isupper() or reason.startswith(("could not", "invalid", "maximum"))
        expected = "something" if foreign else reason
        raise ModelError(f"{key} must be {expected}, written like {EXAMPLES[key]}, not {short(text)}.") from None
    return value


def _value(key: str, text: str) -> Any:
    if key in TEXTS:
        return text
    if text[0] in "[{":
        return json.loads(text)
    if key == "class_names":
        return [name.strip() for name in text.split(",")]
    if key == "value_range":
        return [float(end) for end in text.replace("…", ",").split(",")]
    if key == "size":
        sides = [int(side) for side in re.split("[×x,]", text)]
        return sides if len(sides) > 1 else sides[0]
    if key == "time_reversed":
        return YES.get(text.lower(), text)
    if key == "schedule":
        return _schedule(text)
    return int(text) if key in ("T", "null_label", "groups", "labels") else float(text)


def _schedule(text: str) -> dict[str, Any]:
    """NAME or NAME:KEY=VALUE,…"""
    name, _, rest = text.partition(":")
    values: dict[str, Any] = {"name": name.strip()}
    for pair in rest.split(",") if rest else ():
        key, _, number = pair.partition("=")
        key = key.strip()
        values[key] = YES.get(number.strip().lower(), True) if key == "zero_terminal_snr" else float(number)
    return values
