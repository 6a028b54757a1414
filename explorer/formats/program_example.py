"""What a program that PyTorch exported was exported with: the shape of its first input, as its file describes it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

MAX_JSON = 20_000_000
"""Bytes of the description of a graph."""
GRAPHS = ("models/model.json", "serialized_exported_program.json")
"""Where it lies in the archive, as PyTorch writes it today, and as it did before 2.8."""


def example_shape(path: Path) -> tuple[int, ...] | None:
    """Of one sample; None where the description is none, or of a size that was left open. Nothing is run."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(GRAPHS)]
            if len(entries) != 1 or entries[0].file_size > MAX_JSON:
                return None
            with archive.open(entries[0]) as file:
                graph: Any = json.loads(file.read(MAX_JSON + 1))
        module = graph["graph_module"]
        given = next(spec["user_input"] for spec in module["signature"]["input_specs"] if "user_input" in spec)
        sizes = module["graph"]["tensor_values"][given["arg"]["as_tensor"]["name"]]["sizes"]
        shape = tuple(size["as_int"] for size in sizes[1:])  # the first counts samples
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError):
        return None
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError, StopIteration):
        return None
    return shape if all(isinstance(size, int) for size in shape) else None
