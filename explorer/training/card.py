"""Writing a model's card, `explorer.json`, and its sheet of sample pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PREVIEW_SIDE = 336
PREVIEW_GROUND = (16, 18, 22)
PREVIEW_COLOURS = ((242, 166, 90), (111, 211, 192), (224, 138, 196), (240, 228, 66))


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write `explorer.json` into the folder, readable by people."""
    (folder / "explorer.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_samples(folder: Path, images: NDArray[np.uint8], columns: int = 20) -> dict[str, Any]:
    """Tile pictures (n, height, width, channels) row by row into `samples.png`; returns the card's entry for it."""
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * height, columns * width, channels), np.uint8)
    for i, image in enumerate(images):
        y, x = divmod(i, columns)
        sheet[y * height : (y + 1) * height, x * width : (x + 1) * width] = image
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(folder / "samples.png", optimize=True)
    return {"file": "samples.png", "count": n, "columns": columns}


def write_preview(folder: Path, points: NDArray[np.float32], groups: NDArray[np.int64]) -> None:
    """Draw points (n, 2) in the square ±3, coloured by group (n,), into `preview.png`, the model's picture in the
    gallery."""
    canvas = np.full((PREVIEW_SIDE, PREVIEW_SIDE, 3), PREVIEW_GROUND, np.uint8)
    column = ((points[:, 0] / 3 + 1) * PREVIEW_SIDE / 2).astype(int)
    row = ((1 - points[:, 1] / 3) * PREVIEW_SIDE / 2).astype(int)
    inside = (column >= 0) & (column < PREVIEW_SIDE - 1) & (row >= 0) & (row < PREVIEW_SIDE - 1)
    colours = np.array(PREVIEW_COLOURS, np.uint8)[groups[inside] % len(PREVIEW_COLOURS)]
    for dy in (0, 1):
        for dx in (0, 1):
            canvas[row[inside] + dy, column[inside] + dx] = colours
    Image.fromarray(canvas).save(folder / "preview.png", optimize=True)


def balanced(labels: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """Indices of the first `per_class` examples of every class, classes interleaved 0, 1, …, 0, 1, …"""
    firsts = [np.flatnonzero(labels == k)[:per_class] for k in range(int(labels.max()) + 1)]
    return np.stack(firsts, axis=1).reshape(-1)
