"""Every format there is, and the one that a path is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts
from explorer.formats import diffusers_dir, own
from explorer.formats.content import DESCRIPTIONS, content_of
from explorer.formats.diffusers_layout import PARTS

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.formats.model import Format, Model

FORMATS: tuple[Format, ...] = (own.FORMAT, diffusers_dir.FORMAT)

EXPECTED = "a folder with config.json and model.safetensors, or a diffusers folder with unet/config.json"
NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})


def inspect(path: str | Path, overrides: Mapping[str, Any] = NO_OVERRIDES) -> ModelFacts:
    """What is known of the model at `path`, a folder or a file in one, without torch and without reading weights.

    overrides: the user's corrections by fact: title, prediction ("x0", "eps", "score", "v", "flow"), class_names,
    null_label, value_range, weights. Raises ModelError: one line for whatever keeps the model from being opened.
    """
    with _plain_errors(path):
        format, folder = find(Path(path))
        return format.inspect(folder, overrides)


def load(path: str | Path, device: torch.device | str, overrides: Mapping[str, Any] = NO_OVERRIDES) -> Model:
    """The model at `path` on `device`. Path, overrides and errors as in `inspect`."""
    import torch

    with _plain_errors(path):
        format, folder = find(Path(path))
        facts = format.inspect(folder, overrides)
        try:
            return format.load(folder, facts, torch.device(device))
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise ModelError(f"{folder.name} does not fit into the memory of {device}: use another device.") from error


def find(path: Path) -> tuple[Format, Path]:
    """The format that reads `path` and the model's folder. Raises ModelError where there is none; OSError."""
    path = path.absolute()  # links are not followed: the cache of Hugging Face is made of them
    if not path.exists():
        raise ModelError(f"There is no file or folder {path}.")
    folder = path if path.is_dir() else path.parent
    for candidate in (folder.parent, folder) if folder.name in PARTS else (folder,):
        confidence, format = max(((format.sniff(candidate), format) for format in FORMATS), key=lambda pair: pair[0])
        if confidence > 0:
            return format, candidate
    raise ModelError(_unknown(path))


def _unknown(path: Path) -> str:
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        if not names:
            return f"{path} is an empty folder: expected {EXPECTED}."
        found = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        return f"{path} holds no model that can be opened, only {found}: expected {EXPECTED}."
    if not path.is_file():
        return f"{path} is neither a file nor a folder: expected {EXPECTED}."
    return f"{path} is {DESCRIPTIONS[content_of(path)]} in a folder without a model: expected {EXPECTED}."


@contextmanager
def _plain_errors(path: str | Path) -> Iterator[None]:
    """Make every message one line, and those of the operating system plain."""
    try:
        yield
    except ModelError as error:
        raise ModelError(" ".join(str(error).split())) from error.__cause__
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else path
        raise ModelError(" ".join(f"{place} cannot be read: {error.strerror or error}.".split())) from error
