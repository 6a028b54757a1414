"""What is known of models on disk, kept as long as their files stay as they are."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from explorer.facts import ModelError, ModelFacts

MOST_ENTRIES = 500
_KNOWN: dict[str, tuple[object, ModelFacts | None]] = {}


def known_model(path: str) -> ModelFacts | None:
    """As it was when it was last inspected, None for what is no model, or is not known yet. Reads nothing."""
    return _KNOWN.get(path, (None, None))[1]


def inspect_all(paths: tuple[str, ...]) -> None:
    """Get to know models, those alone whose files are others than before. It may take long."""
    from explorer.formats.registry import inspect  # the formats are read once the window is painted

    for path in paths:
        stamp = _stamp(Path(path))
        if _KNOWN.get(path, (None, None))[0] == stamp:
            continue
        try:
            _KNOWN[path] = (stamp, inspect(path))
        except ModelError:
            _KNOWN[path] = (stamp, None)


def _stamp(path: Path) -> object:
    """What changes when a model's files do: their names, sizes and times."""
    from explorer.formats.overrides import user_data_folder

    files = [user_data_folder() / "cards", path, path.parent] if path.is_file() else [user_data_folder() / "cards"]
    try:
        files += islice(path.rglob("*") if path.is_dir() else (), MOST_ENTRIES)
        return tuple((str(file), _state(file)) for file in files)
    except OSError:
        return object()


def _state(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
