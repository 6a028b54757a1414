"""What folders of our own networks have in common: their files, and whose word counts for what these say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer.facts import ModelError
from explorer.formats.card import CARD_FILE, Card
from explorer.formats.corrections import PARSERS, Corrections
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import Fields, read_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
FORMAT_NAME = "diffusion-explorer"
OWN_NULL = "the network has its own, the last"
"""Why nobody can set the null label."""


def own_config(path: Path) -> Mapping[str, Any]:
    """What the configuration of a folder of ours says; {} for anything else. Never raises."""
    try:
        values = read_json(path / CONFIG, CONFIG)
    except (ModelError, OSError):
        return {}
    return values if values.get("format") == FORMAT_NAME else {}


def check_weights(path: Path) -> None:
    """Raises ModelError where there are none."""
    if not (path / WEIGHTS).is_file():
        raise ModelError(f"{path.name} holds no weights: expected {WEIGHTS} there.")


def add_weights(path: Path, evidence: Evidence) -> None:
    """Their file and its size."""
    evidence.add("weights", f"{WEIGHTS}, {(path / WEIGHTS).stat().st_size / 1e6:,.1f} MB", "file", WEIGHTS)


def folder_title(path: Path, user: Corrections, card: Card, stated: Corrections, evidence: Evidence) -> str:
    """Where nobody says another, the folder's name."""
    said: tuple[Candidate[str], ...] = sources("title", user, card, stated)
    return evidence.choose("title", *said, default=path.name or str(path), where="the folder's name")


def sources(key: str, user: Corrections, card: Card, stated: Corrections) -> tuple[Candidate[Any], ...]:
    """Who says what about a fact: the user goes before the card, the card before the file."""
    return (
        Candidate(getattr(user, key), "user"),
        Candidate(getattr(card.corrections, key), "card", CARD_FILE),
        Candidate(getattr(stated, key), "file", CONFIG),
    )


def stated_in(fields: Fields) -> Corrections:
    """What the configuration file says of facts that can be corrected. Raises ModelError for impossible values."""
    values: dict[str, Any] = {}
    for key in ("title", "prediction", "class_names", "value_range"):
        if key in fields:
            try:
                values[key] = PARSERS[key](fields.values[key])
            except ValueError as error:
                raise fields.wrong(key, str(error)) from None
    return Corrections(**values)
