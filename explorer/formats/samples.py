"""The sheet of sample pictures beside a model, as arrays in the model's value range."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.facts import ModelFacts
from explorer.formats.card import SampleSheet, read_card
from explorer.formats.evidence import Evidence

if TYPE_CHECKING:  # facts are read without numpy
    import numpy as np
    from numpy.typing import NDArray

MAX_PIXELS = 64_000_000
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode by the model's number of channels."""

_PNG = b"\x89PNG\r\n\x1a\n"


def check_sheet(sheet: SampleSheet, shape: tuple[int, ...]) -> None:
    """Compare the sheet's size, as its PNG header gives it, with what pictures of shape (C, H, W) need.

    Raises ValueError, saying what is wrong; OSError.
    """
    channels, height, width = shape
    if channels not in MODES:
        raise ValueError(f"a PNG cannot hold pictures of {channels} channels")
    with sheet.file.open("rb") as file:
        head = file.read(24)
    if not head.startswith(_PNG) or head[12:16] != b"IHDR" or len(head) < 24:
        raise ValueError(f"{sheet.file.name} is no PNG file")
    found = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    expected = sheet.columns * width, -(-sheet.count // sheet.columns) * height
    if found != expected:
        raise ValueError(
            f"{sheet.file.name} is {found[0]}×{found[1]} pixels where {sheet.count} pictures of {width}×{height}, "
            f"{sheet.columns} a row, make {expected[0]}×{expected[1]}"
        )
    if found[0] * found[1] > MAX_PIXELS:
        raise ValueError(f"{sheet.file.name} has more than {MAX_PIXELS:,} pixels")


def read_sheet(sheet: SampleSheet, shape: tuple[int, ...], value_range: tuple[float, float]) -> NDArray[np.float32]:
    """The pictures, float32 (count, C, H, W), 0 … 255 mapped to value_range.

    Raises ValueError, saying what is wrong, for a sheet of another size or a damaged file; OSError.
    """
    import numpy as np
    from PIL import Image

    check_sheet(sheet, shape)
    channels, height, width = shape
    try:
        with Image.open(sheet.file, formats=("PNG",)) as picture:
            if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
                raise ValueError(f"{sheet.file.name} must have 8 bits a channel")
            pixels = np.asarray(picture.convert(MODES[channels]))
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for broken PNG chunks
        raise ValueError(f"{sheet.file.name} is damaged") from error
    low, high = value_range
    tiles = pixels.reshape(-1, height, sheet.columns, width, channels).transpose(0, 2, 4, 1, 3)
    tiles = tiles.reshape(-1, channels, height, width)[: sheet.count]
    return np.float32(low) + tiles.astype(np.float32) * np.float32((high - low) / 255)


def usable_sheet(sheet: SampleSheet | None, shape: tuple[int, ...], evidence: Evidence) -> SampleSheet | None:
    """The sheet where its pictures are of shape (C, H, W), recorded as evidence; otherwise None, with a warning."""
    if sheet is None:
        return None
    try:
        check_sheet(sheet, shape)
    except (ValueError, OSError) as error:
        evidence.warn(f"The card's sample pictures are not used: {error}.")
        return None
    evidence.add("samples", f"{sheet.count} pictures", "card", "explorer.json")
    return sheet


def card_samples(path: Path, facts: ModelFacts) -> tuple[ModelFacts, NDArray[np.float32]]:
    """The pictures that the facts promise; where the file is damaged, none, and facts that say so."""
    import numpy as np

    sheet = read_card(path).sheet
    if sheet is not None and facts.sample_count:
        try:
            shown = facts.value_range if facts.picture_shape is None else (-1.0, 1.0)
            return facts, read_sheet(sheet, facts.shown_shape, shown)
        except (ValueError, OSError) as error:
            warning = f"The card's sample pictures are not used: {error}."
            facts = replace(facts, sample_count=0, sample_labels=(), warnings=(*facts.warnings, warning))
    return facts, np.zeros((0, *facts.shown_shape), np.float32)
