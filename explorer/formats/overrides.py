"""What the user, or a probe, has said against a model's own files: kept in its card, read before all else.

The card has two objects for it, `user` and `probed`, of facts by the names in `corrections.PARSERS`. The card of a
folder is `explorer.json` in it, that of a single file NAME.pt `NAME.explorer.json` beside it. Where a file shares the
card of its folder, what is said of it stands there under `files` and its name. Where the card cannot be written, the
same is kept among the user's own data, and counts in place of what the card says. A model's own files are never
written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from explorer.facts import ModelError, NamedSchedule
from explorer.formats.card import CARD_FILE, card_path
from explorer.formats.corrections import PARSERS
from explorer.formats.fields import read_json, short
from explorer.formats.schedule_names import schedule_json

OverrideSource: TypeAlias = Literal["user", "probed"]
BLOCKS: tuple[OverrideSource, ...] = ("probed", "user")
"""The later goes before the earlier."""
FILES = "files"
USERS_CARDS = "cards"
"""Among the user's own data."""


@dataclass(frozen=True)
class Overrides:
    """values: valid ones, by fact. sources: whose each of them is."""

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, OverrideSource] = field(default_factory=dict)
    where: str = CARD_FILE
    """The file, as facts show it."""
    warnings: tuple[str, ...] = ()


def read_overrides(path: Path) -> Overrides:
    """Of the model at `path`, a folder or a file. Never raises for what a card says: that is a warning."""
    values: dict[str, Any] = {}
    sources: dict[str, OverrideSource] = {}
    warnings: list[str] = []
    entry, problem = _read(_among_user_data(path))
    if problem:
        warnings.append(f"What you said of this model is not used: {problem}")
    where = str(_among_user_data(path))
    if not entry:
        where = _beside(path).name
        card, _ = _read(_beside(path))  # what is wrong with it, read_card says
        entry = _entry(card, path)
    for source in BLOCKS:
        block = entry.get(source)
        if block is None:
            continue
        if not isinstance(block, dict):
            warnings.append(f"The card's “{source}” is not used: it must be an object, not {short(block)}.")
            continue
        for key, value in block.items():
            try:
                values[key] = PARSERS[key](value)
                sources[key] = source
            except KeyError:
                warnings.append(f"The card's {short(key)} under “{source}” is not used: no fact is called so.")
            except ValueError as error:
                warnings.append(f"The {key} under “{source}” is not used: it must be {error}, not {short(value)}.")
    return Overrides(values, sources, where, tuple(warnings))


def save_overrides(path: Path, changes: Mapping[str, Any], source: OverrideSource = "user") -> Path:
    """Keep facts of the model at `path`; None forgets what was said, so that the model's own word counts again.

    All else in the card stays. Returns the file written. Raises ModelError for a fact that cannot be set, a value
    that it cannot have, and where neither place can be written to.
    """
    for key, value in changes.items():
        if key not in PARSERS:
            raise ModelError(f"{short(key)} cannot be set: what can is {', '.join(PARSERS)}.")
        if value is not None:
            try:
                PARSERS[key](value)
            except ValueError as error:
                raise ModelError(f"The given {key} must be {error}, not {short(value)}.") from None
    beside, own = _beside(path), _among_user_data(path)
    users, _ = _read(own)
    if not users and _writable(beside):
        card, problem = _read(beside)
        if not problem:
            _change(_entry(card, path, make=True), changes, source)
            try:
                _write(beside, card)
                return beside
            except OSError:
                pass  # not even allowed to; the user's own folder is
    users.setdefault("path", str(path.absolute()))
    card, _ = _read(beside)
    for block in BLOCKS:  # what the card beside says goes on counting, unless it is just being changed
        said = _entry(card, path).get(block)
        if isinstance(said, dict) and block not in users:
            users[block] = dict(said)
    _change(users, changes, source, forget=False)
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        _write(own, users)
    except OSError as error:
        raise ModelError(f"The card could not be written to {own}: {error.strerror or error}.") from error
    return own


def to_json(value: Any) -> Any:
    """A fact's value as a card has it."""
    if isinstance(value, NamedSchedule):
        return schedule_json(value)
    return list(value) if isinstance(value, tuple) else value


def user_data_folder() -> Path:
    """Where the program keeps what belongs to the user."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "diffusion-explorer"


def _beside(path: Path) -> Path:
    return card_path(path)


def _among_user_data(path: Path) -> Path:
    name = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return user_data_folder() / USERS_CARDS / f"{name}.json"


def _read(file: Path) -> tuple[dict[str, Any], str]:
    """The object in a file, empty where there is none, and what is wrong with it."""
    try:
        return (read_json(file, file.name), "") if file.exists() else ({}, "")
    except ModelError as error:
        return {}, str(error)
    except OSError as error:
        return {}, f"{file.name} cannot be read: {error.strerror or error}."


def _entry(card: dict[str, Any], path: Path, make: bool = False) -> dict[str, Any]:
    """The part of a card that is about the model: all of it, or a file's entry in the card of its folder."""
    if not path.is_file() or _beside(path).name != CARD_FILE:
        return card
    files = card.get(FILES)
    if not isinstance(files, dict):
        files = {}
    entry = files.get(path.name)
    if not isinstance(entry, dict):
        entry = {}
    if make:
        card[FILES] = files
        files[path.name] = entry
    return entry


def _change(entry: dict[str, Any], changes: Mapping[str, Any], source: OverrideSource, forget: bool = True) -> None:
    """Set facts in one of an entry's objects and take them out of the other. forget: leave no empty object."""
    blocks = {name: entry[name] if isinstance(entry.get(name), dict) else {} for name in BLOCKS}
    for key, value in changes.items():
        for block in blocks.values():
            block.pop(key, None)
        if value is not None:
            blocks[source][key] = to_json(value)
    for name, block in blocks.items():
        if block or not forget:
            entry[name] = block
        else:
            entry.pop(name, None)


def _writable(file: Path) -> bool:
    """False also where somebody who could write anyway, an administrator, is asked not to by the mode."""
    if sys.platform != "win32":
        for place in (file.parent, *((file,) if file.exists() else ())):
            if not place.stat().st_mode & 0o222:
                return False
    return os.access(file.parent, os.W_OK)


def _write(file: Path, values: Mapping[str, Any]) -> None:
    """Whole or not at all. A link in its place is replaced, never followed. Raises OSError."""
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    handle, name = tempfile.mkstemp(prefix=".explorer-", suffix=".json", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
