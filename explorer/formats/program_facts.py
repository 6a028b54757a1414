"""What must be said of a network that is a program, since its file does not say it; read without running anything.

In the card beside it, or in FACTS = {…} of an adapter, a table of plain values:

shape           [channels, height, width], or [2] for points
time_input      what the network is told: "index" (t − 1, a whole number), "time" (t), "fraction" (t/T), "sigma",
                "quarter_log_sigma" or "log_snr"
labels          how many labels it knows, the null label among them; 0, the default, for none
title, prediction, schedule, T, value_range, class_names, null_label        as in any card
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from explorer.facts import ModelError
from explorer.formats.archive import entries_of
from explorer.formats.card import card_path
from explorer.formats.fields import Fields, read_json
from explorer.formats.references import DamagedError

TimeInputName: TypeAlias = Literal["index", "time", "fraction", "sigma", "quarter_log_sigma", "log_snr"]
TIME_INPUTS: tuple[TimeInputName, ...] = ("index", "time", "fraction", "sigma", "quarter_log_sigma", "log_snr")
KINDS = {
    "torchscript": "a TorchScript program",
    "export": "a program exported by PyTorch",
    "adapter": "a Python program",
}
ADAPTER = "adapter.py"
MAX_SOURCE = 1_000_000
MAX_SIDE = 4096


def program_kind(path: Path) -> str:
    """A key of KINDS for a file that is a program, "" for others. Never raises."""
    try:
        if not path.is_file():
            return ""  # reading from a pipe would never end
        if path.suffix == ".py":
            return "adapter"
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                return ""
            names = [entry.filename for entry in entries_of(file)]
    except (OSError, DamagedError):
        return ""
    if any(name.endswith("/constants.pkl") for name in names):
        return "torchscript"
    exported = any(name.endswith(("/archive_format", "serialized_exported_program.json")) for name in names)
    return "export" if exported else ""


@dataclass(frozen=True)
class ProgramFacts:
    """said: what the adapter says of itself, by the names of a card's facts; {} of other programs."""

    shape: tuple[int, ...]
    time_input: TimeInputName
    labels: int
    said: Mapping[str, Any]
    where: str


def read_program_facts(path: Path, kind: str) -> ProgramFacts:
    """Of the program in a file. Raises ModelError where its shape is not said, or something is said wrongly."""
    if kind == "adapter":
        label = path.name
        fields = Fields(_table(path), f"{label} (FACTS)")
    else:
        card = card_path(path)
        label = card.name
        fields = Fields(read_json(card, label) if card.exists() else {}, label)
    shape = fields.integers("shape", 1, MAX_SIDE, 3)
    if shape is None or len(shape) == 2 or (len(shape) == 1 and shape != (2,)):
        raise ModelError(
            f"{path.name} does not say what its network works on: give “shape”, [channels, height, width] or [2], in "
            f"{label}, with “schedule”, “T”, “prediction” and “time_input” where they are not the usual ones."
        )
    time_input = fields.choice("time_input", "index", TIME_INPUTS)
    labels = fields.integer("labels", 0, 0, 100_000)
    known: TimeInputName = next(name for name in TIME_INPUTS if name == time_input)
    return ProgramFacts(shape, known, labels, fields.values if kind == "adapter" else {}, label)


def _table(path: Path) -> dict[str, Any]:
    """The FACTS of an adapter's text, {} where it has none. Raises ModelError for what is no table of plain values."""
    with path.open("rb") as file:
        source = file.read(MAX_SOURCE + 1)
    if len(source) > MAX_SOURCE:
        raise ModelError(f"{path.name} is larger than an adapter is.")
    try:
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "FACTS" for t in node.targets):
                value = ast.literal_eval(node.value)
                if isinstance(value, dict):
                    return {str(key): list(v) if isinstance(v, tuple) else v for key, v in value.items()}
                raise ValueError("no table")
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ModelError(f"{path.name} cannot be read as Python with FACTS of plain values: {error}.") from error
    return {}
