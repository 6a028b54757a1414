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
MAX_RESIZED = 16_000_000
"""Pixels of the pictures that are resized: of a sheet with more, the first are taken."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode by the model's number of channels."""

_PNG = b"\x89PNG\r\n\x1a\n"


def check_sheet(sheet: SampleSheet, shape: tuple[int, ...], resize: bool = False) -> tuple[int, int]:
    """(height, width) of the sheet's pictures, as its PNG header gives them, for a model of pictures (C, H, W).

    resize: they may be of another size. Raises ValueError, saying what is wrong; OSError.
    """
    channels, height, width = shape
    if channels not in MODES:
        raise ValueError(f"a PNG cannot hold pictures of {channels} channels")
    with sheet.file.open("rb") as file:
        head = file.read(24)
    if not head.startswith(_PNG) or head[12:16] != b"IHDR" or len(head) < 24:
        raise ValueError(f"{sheet.file.name} is no PNG file")
    found = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    rows = -(-sheet.count // sheet.columns)
    expected = sheet.columns * width, rows * height
    whole = all(found) and found[0] % sheet.columns == 0 and found[1] % rows == 0
    if found != expected and not (resize and whole):
        raise ValueError(
            f"{sheet.file.name} is {found[0]}×{found[1]} pixels where {sheet.count} pictures of {width}×{height}, "
            f"{sheet.columns} a row, make {expected[0]}×{expected[1]}"
        )
    if found[0] * found[1] > MAX_PIXELS:
        raise ValueError(f"{sheet.file.name} has more than {MAX_PIXELS:,} pixels")
    return found[1] // rows, found[0] // sheet.columns


def read_sheet(
    sheet: SampleSheet, shape: tuple[int, ...], value_range: tuple[float, float], count: int | None = None
) -> NDArray[np.float32]:
    """The pictures, float32 (count, C, H, W), 0 … 255 mapped to value_range; resized where the sheet's are of another
    size. count: of the first of them, where not all are wanted.

    Raises ValueError, saying what is wrong, for a sheet that is none or a damaged file; OSError.
    """
    import numpy as np
    from PIL import Image

    height, width = check_sheet(sheet, shape, resize=True)
    channels = shape[0]
    try:
        with Image.open(sheet.file, formats=("PNG",)) as picture:
            if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
                raise ValueError(f"{sheet.file.name} must have 8 bits a channel")
            pixels = np.asarray(picture.convert(MODES[channels]))
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for broken PNG chunks
        raise ValueError(f"{sheet.file.name} is damaged") from error
    low, high = value_range
    tiles = pixels.reshape(-1, height, sheet.columns, width, channels).transpose(0, 2, 4, 1, 3)
    tiles = tiles.reshape(-1, channels, height, width)[: sheet.count if count is None else count]
    if (height, width) != shape[1:]:
        tiles = _resized(tiles, shape)
    return np.float32(low) + tiles.astype(np.float32) * np.float32((high - low) / 255)


def _resized(tiles: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(n, c, h, w) → (n, C, H, W)"""
    import numpy as np
    from PIL import Image

    channels, height, width = shape
    made = np.empty((len(tiles), channels, height, width), np.uint8)
    for i, tile in enumerate(tiles):
        for channel, plane in enumerate(tile):
            picture = Image.fromarray(np.ascontiguousarray(plane))
            made[i, channel] = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
    return made


def usable_sheet(
    sheet: SampleSheet | None, shape: tuple[int, ...], evidence: Evidence, resize: bool = False
) -> SampleSheet | None:
    """The sheet where its pictures are of shape (C, H, W), recorded as evidence; otherwise None, with a warning.

    resize: somebody says that the model's pictures are of another size than its own, so the sheet's are made so too.
    """
    if sheet is None:
        return None
    try:
        height, width = check_sheet(sheet, shape, resize)
    except (ValueError, OSError) as error:
        evidence.warn(f"The card's sample pictures are not used: {error}.")
        return None
    text = ""
    if (height, width) != shape[1:]:
        text = f", resized from {width}×{height}"
        most = max(MAX_RESIZED // (shape[1] * shape[2]), 1)
        sheet = replace(sheet, count=min(sheet.count, most), labels=sheet.labels[:most])
    evidence.add("samples", f"{sheet.count} pictures{text}", "card", "explorer.json")
    return sheet


def usable_labels(sheet: SampleSheet | None, class_names: tuple[str, ...], evidence: Evidence) -> tuple[int, ...]:
    """The labels of the sheet's pictures; none, with a warning, where they name classes that the model has not."""
    labels = sheet.labels if sheet else ()
    if labels and max(labels) >= len(class_names):
        evidence.warn("The card's sample labels are not used: they name classes that the model does not have.")
        return ()
    return labels


def card_samples(path: Path, facts: ModelFacts) -> tuple[ModelFacts, NDArray[np.float32]]:
    """The pictures that the facts promise; where the file is damaged, none, and facts that say so."""
    import numpy as np

    sheet = read_card(path).sheet
    if sheet is not None and facts.sample_count:
        try:
            shown = facts.value_range if facts.picture_shape is None else (-1.0, 1.0)
            return facts, read_sheet(sheet, facts.shown_shape, shown, facts.sample_count)
        except (ValueError, OSError) as error:
            warning = f"The card's sample pictures are not used: {error}."
            facts = replace(facts, sample_count=0, sample_labels=(), warnings=(*facts.warnings, warning))
    return facts, np.zeros((0, *facts.shown_shape), np.float32)
