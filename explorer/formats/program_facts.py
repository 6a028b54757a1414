"""What must be said of a network that is a program, since its file does not say it; read without running anything.

In the card beside it, or in FACTS = {…} of an adapter, a table of plain values:

shape           [channels, height, width], [2] for points, or [1] for single numbers
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
from typing import Any

from explorer.facts import ModelError, Source
from explorer.formats.archive import entries_of
from explorer.formats.card import card_path
from explorer.formats.corrections import TIME_INPUTS
from explorer.formats.fields import Fields, read_json
from explorer.formats.references import DamagedError

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
    """shape, time_input, labels: None where nobody says. said: what the adapter says of itself, by the names of a
    card's facts; {} of other programs. source: whose word it is."""

    shape: tuple[int, ...] | None
    time_input: str | None
    labels: int | None
    said: Mapping[str, Any]
    where: str
    source: Source


def read_program_facts(path: Path, kind: str) -> ProgramFacts:
    """Of the program in a file. Raises ModelError where something is said wrongly."""
    if kind == "adapter":
        label = path.name
        fields = Fields(_table(path), f"{label} (FACTS)")
    else:
        card = card_path(path)
        label = card.name
        fields = Fields(read_json(card, label) if card.exists() else {}, label)
    shape = fields.integers("shape", 1, MAX_SIDE, 3)
    if shape is not None and len(shape) != 3 and shape not in ((1,), (2,)):
        raise fields.wrong("shape", "[channels, height, width], [2] for points or [1] for single numbers")
    time_input = fields.choice("time_input", None, TIME_INPUTS)
    labels = fields.integer("labels", None, 0, 100_000)
    if kind == "adapter":
        return ProgramFacts(shape, time_input, labels, fields.values, label, "file")
    return ProgramFacts(shape, time_input, labels, {}, label, "card")


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
        why = f": {error}" if isinstance(error, SyntaxError) else ""
        raise ModelError(f"{path.name} cannot be read as Python with FACTS of plain values{why}.") from error
    return {}
