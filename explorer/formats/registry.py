"""Every format there is, and the one that a path is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from explorer.facts import Fact, ModelError, ModelFacts, Source
from explorer.formats import chains, diffusers_dir, own, own_pictures, program
from explorer.formats.adjusted import ROWS, adjust_facts, adjust_model, with_sources
from explorer.formats.advice import advice, advice_for
from explorer.formats.card import read_card
from explorer.formats.checkpoint import read_checkpoint
from explorer.formats.content import DESCRIPTIONS, WEIGHTS, content_of
from explorer.formats.corrections import Corrections, parse_overrides
from explorer.formats.diffusers_layout import PARTS
from explorer.formats.existing import existing
from explorer.formats.fields import short
from explorer.formats.files import FILE_FORMATS
from explorer.formats.harm import wanted
from explorer.formats.latent_choice import settle_kind, with_kind
from explorer.formats.overrides import OverrideSource, read_overrides, save_overrides
from explorer.formats.plain_text import plain_facts, plain_text
from explorer.formats.settable import check_settable, reasons

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.formats.autoencoder_files import AutoencoderFiles
    from explorer.formats.model import Format, LatentModel, Model

FORMATS: tuple[Format, ...] = (
    chains.FORMAT,
    own_pictures.FORMAT,
    own.FORMAT,
    diffusers_dir.FORMAT,
    program.FORMAT,
)

EXPECTED = (
    "a folder with config.json and model.safetensors, a diffusers folder with unet/config.json, or a checkpoint file "
    "of a known format"
)
CONTENT = "the names and shapes in it"
MAX_ENTRIES, MAX_FILES = 10_000, 20
"""How many entries of a folder, and how many files of weights among them, are looked at."""
NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})


def inspect(path: str | Path, overrides: Mapping[str, Any] = NO_OVERRIDES) -> ModelFacts:
    """What is known of the model at `path`: a folder, a file in one, or a file by itself. Neither torch is imported
    nor are weights read.

    overrides: the user's corrections by fact (see corrections.PARSERS), which go before those kept in the model's
    card. Raises ModelError: one line for whatever keeps the model from being opened.
    """
    with _plain_errors(path):
        formats, folder = _find(Path(path))
        return _inspect(formats, folder, overrides).facts


def load(path: str | Path, device: torch.device | str, overrides: Mapping[str, Any] = NO_OVERRIDES) -> Model:
    """The diffusion model at `path` on `device`. Path, overrides and errors as in `inspect`."""
    from explorer.formats.model import Model

    model = load_any(path, device, overrides)
    if not isinstance(model, Model):
        raise ModelError(f"{model.facts.title} is a chain of latent variables, and this needs a diffusion model.")
    return model


def load_any(
    path: str | Path, device: torch.device | str, overrides: Mapping[str, Any] = NO_OVERRIDES
) -> Model | LatentModel:
    """The model at `path` on `device`, of whichever family. Path, overrides and errors as in `inspect`."""
    import torch

    from explorer.formats.model import Model

    with _plain_errors(path):
        formats, folder = _find(Path(path))
        found = _inspect(formats, folder, overrides)
        try:
            model = found.format.load(folder, found.facts, torch.device(device))
            if not isinstance(model, Model):
                return model
            return adjust_model(with_kind(model, found.facts, folder, found.autoencoder), found.card, found.user)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise ModelError(f"{folder.name} does not fit into the memory of {device}: use another device.") from error


@dataclass(frozen=True)
class _Found:
    """The facts, the format that reads the model, what the card and the user say, and the autoencoder that one of
    them chose where the format knows of none."""

    facts: ModelFacts
    format: Format
    card: Corrections
    user: Corrections
    autoencoder: AutoencoderFiles | None


def _inspect(formats: Sequence[Format], folder: Path, overrides: Mapping[str, Any]) -> _Found:
    """formats: those that can read the model, the likeliest first."""
    given, saved = parse_overrides(overrides), read_overrides(folder)
    new = {key: getattr(given, key) for key in overrides}
    said, warnings = {**saved.values, **new}, saved.warnings
    try:
        found = _with(formats, folder, said)
    except ModelError as error:
        said = _fitting(formats, folder, said, frozenset(new))
        found = _with(formats, folder, said)
        lost = ", ".join(ROWS[key] for key in saved.values if key not in said)
        warnings = (*warnings, f"What {saved.where} says of {lost} is not used: {error}")
    facts = found.facts
    sources: dict[str, Source] = {**saved.sources, **dict.fromkeys(overrides, "user")}
    if said:
        plain = None
        with suppress(ModelError):
            plain = _with(formats, folder, NO_OVERRIDES).facts
        facts = with_sources(facts, plain, sources, "" if overrides else saved.where)
    facts = plain_facts(replace(facts, fixed=reasons(facts), warnings=(*facts.warnings, *warnings)))
    return replace(found, facts=facts)


def _fitting(formats: Sequence[Format], folder: Path, said: Mapping[str, Any], new: frozenset[str]) -> dict[str, Any]:
    """What was said without the one thing of what is kept that no longer fits, or without all of it; never without
    what is new. Raises ModelError where it is not what is kept that keeps the model from being opened."""
    kept = [key for key in said if key not in new]
    fewer = [{key: value for key, value in said.items() if key != left} for left in kept]
    for rest in fewer if len(kept) > 1 else ():
        with suppress(ModelError):
            _with(formats, folder, rest)
            return rest
    return {key: said[key] for key in new}


def _with(formats: Sequence[Format], folder: Path, said: Mapping[str, Any]) -> _Found:
    """The model with what was said of it, whoever did."""
    names, wanted_name = [format.name for format in formats], said.get("format")
    if wanted_name is not None and wanted_name not in names:
        raise ModelError(f"The format cannot be {short(wanted_name)}: {folder.name} is of {' or '.join(names)}.")
    format = next(format for format in formats if wanted_name in (None, format.name))
    user, card = replace(Corrections(), **said), read_card(folder).corrections
    facts, autoencoder = settle_kind(format.inspect(folder, said), folder, card, user)
    facts = adjust_facts(facts, card, user)
    other = tuple(dict.fromkeys(names))
    row = Fact("format", format.name, "user" if wanted_name is not None else "inferred", "" if wanted_name else CONTENT)
    place = min(1, len(facts.evidence))
    return _Found(
        replace(
            facts,
            formats=other if len(other) > 1 else (),
            evidence=(*facts.evidence[:place], row, *facts.evidence[place:]),
        ),
        format,
        card,
        user,
        autoencoder,
    )


def set_facts(path: str | Path, changes: Mapping[str, Any], source: OverrideSource = "user") -> Path:
    """Keep facts in the card of the model at `path`, None for the model's own word again; returns the card's file.

    Where the model could not be opened with them, nothing is kept. Raises ModelError as `inspect` does, and for a fact
    that cannot be set.
    """
    with _plain_errors(path):
        formats, folder = _find(Path(path))
        new = {key: value for key, value in changes.items() if value is not None}
        parse_overrides(new)
        kept = {key: value for key, value in read_overrides(folder).values.items() if key not in changes}
        said = {**kept, **{key: getattr(parse_overrides(new), key) for key in new}}
        try:
            found = _with(formats, folder, said)
        except ModelError:  # not for what is being set, where it is possible without something said before
            found = _with(formats, folder, _fitting(formats, folder, said, frozenset(new)))
        check_settable(replace(found.facts, fixed=reasons(found.facts)), tuple(new))
        return save_overrides(folder, changes, source)


def find(path: Path) -> tuple[Format, Path]:
    """The format that reads `path` unless another is chosen, and where the model lies; see `_find`."""
    formats, place = _find(path)
    return formats[0], place


def _find(path: Path) -> tuple[Sequence[Format], Path]:
    """The formats that can read `path`, and where the model lies: a file of weights, or a folder.

    A file that is a model by itself goes before the folder that it lies in, and a folder that is a model before the
    files in it, of which there must be one alone. Raises ModelError where there is none; OSError.
    """
    path = existing(path)
    folder = path if path.is_dir() else path.parent
    folders = (folder.parent, folder) if folder.name in PARTS else (folder,)
    for candidate in folders if path.is_dir() else (path, *folders):
        if formats := _formats_of(candidate):
            return formats, candidate
    if path.is_dir():
        files = [(formats, file) for file in _files_of_weights(path) if (formats := _formats_of(file))]
        if len(files) == 1:
            return files[0]
        if files:
            names = ", ".join(file.name for _, file in files[:3]) + (" …" if len(files) > 3 else "")
            raise ModelError(f"{path} holds {len(files)} models, {names}: open one of these files.")
    raise ModelError(_unknown(path))


def _formats_of(path: Path) -> list[Format]:
    """The formats that a file or folder may be of, the surest first."""
    sure: list[tuple[float, Format]] = [(format.sniff(path), format) for format in (*FORMATS, *FILE_FORMATS)]
    if not any(confidence for confidence, _ in sure):
        sure = [(format.sniff_inside(path), format) for format in FILE_FORMATS]
    return [format for confidence, format in sorted(sure, key=lambda pair: -pair[0]) if confidence > 0]


def _files_of_weights(folder: Path) -> list[Path]:
    """Those in a folder itself that might be models, by name; a folder with very many is not looked through."""
    files = [entry for entry in islice(folder.iterdir(), MAX_ENTRIES) if entry.is_file()]
    with suppress(OSError):
        return sorted(file for file in files if content_of(file) in WEIGHTS)[:MAX_FILES]
    return []


def _unknown(path: Path) -> str:
    if path.is_dir():
        entries = sorted(islice(path.iterdir(), MAX_ENTRIES))
        if not entries:
            return f"{path} is an empty folder: expected {EXPECTED}."
        if models := _folders_of_models(entries):
            names = ", ".join(models[:3]) + (" …" if len(models) > 3 else "")
            return f"{path} is no model, but holds folders that are, such as {names}: open one of these."
        found = ", ".join(map(_shown, entries[:3])) + (" …" if len(entries) > 3 else "")
        return f"{path} holds no model that can be opened, only {found}: expected {EXPECTED}."
    if not path.is_file():
        return f"{path} is neither a file nor a folder: expected {EXPECTED}."
    content = content_of(path)
    if content not in WEIGHTS:
        if known := advice_for(content):
            return f"{path} is {DESCRIPTIONS[content]}, {known}."
        return f"{path} is {DESCRIPTIONS[content]} in a folder without a model: expected {EXPECTED}."
    try:
        checkpoint = read_checkpoint(path)
    except ModelError as error:
        return str(error)
    if checkpoint.harmful:
        return (
            f"{path.name} asks Python to run code ({wanted(checkpoint.harmful)}), as no checkpoint does: nothing of it "
            "was run, and it is best deleted."
        )
    return f"{path.name} is {DESCRIPTIONS[content]} that {advice(checkpoint)}"


def _folders_of_models(entries: Sequence[Path]) -> list[str]:
    """The names of those entries that could be opened; of very many only the first are tried."""
    with suppress(OSError, ModelError):
        return [entry.name for entry in entries[:MAX_FILES] if entry.is_dir() and _formats_of(entry)]
    return []


def _shown(entry: Path) -> str:
    """An entry of a folder, with what keeps it from being read."""
    if entry.is_dir():
        return f"{entry.name}/"
    if entry.is_file():
        return entry.name
    return f"{entry.name} ({'neither a file nor a folder' if entry.exists() else 'a link that leads nowhere'})"


@contextmanager
def _plain_errors(path: str | Path) -> Iterator[None]:
    """Make every message one line, and those of the operating system plain."""
    try:
        yield
    except ModelError as error:
        raise ModelError(plain_text(" ".join(str(error).split()))) from error.__cause__
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else path
        said = " ".join(f"{place} cannot be read: {error.strerror or error}.".split())
        raise ModelError(plain_text(said)) from error
