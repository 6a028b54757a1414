"""The card beside a checkpoint, `explorer.json`: facts that the format lacks or the user corrected.

It is optional, and nothing in it can keep a model from opening: what is wrong becomes a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from explorer.facts import ModelError, ProposedSampler
from explorer.formats.corrections import PARSERS, Corrections, parse_text
from explorer.formats.evidence import Evidence
from explorer.formats.fields import finite, read_json, short, whole

CARD_FILE = "explorer.json"
MAX_SAMPLES = 100_000
MAX_STEPS = 100_000
_SAMPLER_KEYS = ("name", "steps", "parameters")


@dataclass(frozen=True)
class SampleSheet:
    """Pictures tiled row by row, `columns` a row, in one PNG. labels: one class each, or empty."""

    file: Path
    count: int
    columns: int
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Card:
    """What the card says; its empty value is that of a model without one."""

    corrections: Corrections = field(default_factory=Corrections)
    summary: str = ""
    dataset: str = ""
    licence: str = ""
    sheet: SampleSheet | None = None
    proposed: ProposedSampler | None = None
    warnings: tuple[str, ...] = ()

    def add_texts(self, evidence: Evidence) -> None:
        """Record the data set and the licence, where they are named."""
        for name, text in (("dataset", self.dataset), ("licence", self.licence)):
            if text:
                evidence.add(name, text, "card", CARD_FILE)


def card_path(model: Path) -> Path:
    """Where the card of a model lies: in its folder; for a single file NAME.pt, in NAME.explorer.json beside it, or
    in the folder's own card where there is no such file."""
    if not model.is_file():
        return model / CARD_FILE
    own, shared = model.with_name(f"{model.stem}.{CARD_FILE}"), model.with_name(CARD_FILE)
    return shared if shared.exists() and not own.exists() else own


def read_card(model: Path) -> Card:
    """The card of a model's folder or file, or an empty one. Never raises for the card's content."""
    path = card_path(model)
    folder = path.parent
    if not path.exists():
        return Card()
    try:
        values = read_json(path, CARD_FILE)
    except ModelError as error:
        return Card(warnings=(f"The card is not used: {error}",))
    warnings: list[str] = []
    facts = {key: _parsed(key, values, warnings) for key in PARSERS}
    texts = {key: _text(key, values, warnings) for key in ("summary", "dataset", "licence")}
    sheet = None
    if values.get("samples") is not None:
        try:
            sheet = _sheet(folder, values["samples"])
        except ValueError as error:
            warnings.append(f"The card's sample pictures are not used: {error}.")
    proposed = _proposed(values, warnings)
    return Card(Corrections(**facts), **texts, sheet=sheet, proposed=proposed, warnings=tuple(warnings))


def _parsed(key: str, values: Mapping[str, Any], warnings: list[str]) -> Any:
    if values.get(key) is None:
        return None
    try:
        return PARSERS[key](values[key])
    except ValueError as error:
        warnings.append(f"The card's {key} is not used: it must be {error}, not {short(values[key])}.")
        return None


def _text(key: str, values: Mapping[str, Any], warnings: list[str]) -> str:
    if values.get(key) in (None, ""):
        return ""
    try:
        return parse_text(values[key])
    except ValueError as error:
        warnings.append(f"The card's {key} is not used: it must be {error}, not {short(values[key])}.")
        return ""


def _proposed(values: Mapping[str, Any], warnings: list[str]) -> ProposedSampler | None:
    """The entry “sampler”: {"name", "steps", "parameters"}. Whether there is such a sampler, a run finds out."""
    entry = values.get("sampler")
    if entry is None:
        return None
    name, steps, parameters = (entry.get(key) if isinstance(entry, dict) else None for key in _SAMPLER_KEYS)
    plain = isinstance(parameters, dict) and all(isinstance(v, bool | str) or finite(v) for v in parameters.values())
    if not isinstance(name, str) or not whole(steps) or not 1 <= steps <= MAX_STEPS or not plain:
        warnings.append(f"The card's sampler is not used: it must have {', '.join(_SAMPLER_KEYS)}, not {short(entry)}.")
        return None
    return ProposedSampler(name, steps, dict(cast("dict[str, Any]", parameters)))


def _sheet(folder: Path, values: object) -> SampleSheet:
    """Raises ValueError, saying what is wrong, for an entry that is not a sheet inside the folder."""
    if not isinstance(values, dict):
        raise ValueError(f"the entry “samples” must be an object, not {short(values)}")
    name, count, columns = values.get("file"), values.get("count"), values.get("columns")
    if not isinstance(name, str) or not name or "\0" in name or len(name) > 255:
        raise ValueError(f"“file” must be a file name, not {short(name)}")
    if not whole(count) or not 1 <= count <= MAX_SAMPLES:
        raise ValueError(f"“count” must be from 1 to {MAX_SAMPLES:,}, not {short(count)}")
    if not whole(columns) or not 1 <= columns <= MAX_SAMPLES:
        raise ValueError(f"“columns” must be from 1 to {MAX_SAMPLES:,}, not {short(columns)}")
    # Links are followed first: the file itself must lie in the folder.
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ValueError(f"{short(name)} lies outside the model's folder")
    if not file.is_file():
        raise ValueError(f"there is no file {short(name)}")
    labels = values.get("labels")
    if labels is None:
        labels = []
    if not isinstance(labels, list) or not all(whole(label) and label >= 0 for label in labels):
        raise ValueError(f"“labels” must be a list of class indices, not {short(labels)}")
    if labels and len(labels) != count:
        raise ValueError(f"there are {len(labels)} labels for {count} pictures")
    return SampleSheet(file, count, columns, tuple(labels))
