"""The folders of the networks that were trained in the window: the last few stay, even where the program is killed."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from explorer.ui.autosave import folder

KEPT = 10
"""A few hundred kilobytes each."""
DRAWING = "drawing"
"""In place of the name of a distribution."""


def trained_here() -> Path:
    """Where they lie."""
    return folder() / "trained"


def new_network(data: str) -> Path:
    """The folder of a new network, not made yet, whose name begins with what it learns. The oldest are forgotten."""
    where = trained_here()
    try:
        where.mkdir(parents=True, exist_ok=True)
        for old in sorted(where.iterdir(), key=lambda path: path.stat().st_mtime)[: 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:  # it can be trained all the same
        where = Path(tempfile.mkdtemp(prefix="diffusion-explorer-"))
    return where / f"{data or DRAWING}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S-%f}"


def data_of(path: str) -> str | None:
    """What a network learns, "" for a drawing; None where it was not trained in a window."""
    if Path(path).parent != trained_here():
        return None
    data = Path(path).name.split("-")[0]
    return "" if data == DRAWING else data
