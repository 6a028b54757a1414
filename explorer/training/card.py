"""Writing what stands beside a model's weights: its card `explorer.json`, its samples, its picture in the gallery."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.datasets.pictures import PictureSet
from explorer.training.loop import TrainingReport

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DIGITS_LICENCE = (
    "Weights: MIT, as this program. Sample pictures: MNIST (LeCun, Cortes, Burges), commonly given as CC BY-SA 3.0."
)
DIGITS_DATASET = "MNIST, 60,000 training pictures"
SHOWN = 200
"""Test pictures beside a model."""
PREVIEW_SIDE = 336
PREVIEW_GROUND = (16, 18, 22)
PREVIEW_BAR, PREVIEW_GROUND_LINE = 7, 302
"""Pixels: how wide a bar of a histogram is with the gap behind it, and the row it stands on."""
PREVIEW_COLOURS = ((242, 166, 90), (111, 211, 192), (224, 138, 196), (240, 228, 66))


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write `explorer.json` into the folder, readable by people."""
    (folder / "explorer.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def recipe_entry(config: DataclassInstance, report: TrainingReport) -> dict[str, Any]:
    """The card's entry `recipe`: how the weights were made, and what that took."""
    return {"config": asdict(config), "report": asdict(report)}


def write_shown(folder: Path, test_set: PictureSet, count: int = SHOWN, columns: int = 20) -> dict[str, Any]:
    """Write test pictures, as many of every class, as the model's samples; returns the card's entry for them."""
    keep = balanced(test_set.labels, count // len(test_set.class_names))
    samples = write_samples(folder, test_set.images[keep], columns)
    return {**samples, "labels": test_set.labels[keep].tolist()}


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
    gallery; of numbers (n, 1) a histogram."""
    canvas = np.full((PREVIEW_SIDE, PREVIEW_SIDE, 3), PREVIEW_GROUND, np.uint8)
    if points.shape[1] == 1:
        _draw_bars(canvas, points[:, 0], groups)
        Image.fromarray(canvas).save(folder / "preview.png", optimize=True)
        return
    column = ((points[:, 0] / 3 + 1) * PREVIEW_SIDE / 2).astype(int)
    row = ((1 - points[:, 1] / 3) * PREVIEW_SIDE / 2).astype(int)
    inside = (column >= 0) & (column < PREVIEW_SIDE - 1) & (row >= 0) & (row < PREVIEW_SIDE - 1)
    colours = np.array(PREVIEW_COLOURS, np.uint8)[groups[inside] % len(PREVIEW_COLOURS)]
    for dy in (0, 1):
        for dx in (0, 1):
            canvas[row[inside] + dy, column[inside] + dx] = colours
    Image.fromarray(canvas).save(folder / "preview.png", optimize=True)


def _draw_bars(canvas: NDArray[np.uint8], x: NDArray[np.float32], groups: NDArray[np.int64]) -> None:
    """How many numbers (n,) lie where, from −3 to 3, as bars; those of the groups on top of each other."""
    edges = np.linspace(-3, 3, PREVIEW_SIDE // PREVIEW_BAR + 1)
    tallest = np.histogram(x, edges)[0].max()
    foot = np.zeros(len(edges) - 1, int)
    for group in np.unique(groups):
        height = np.histogram(x[groups == group], edges)[0] / tallest * 0.8 * PREVIEW_SIDE
        top = foot + height.round().astype(int)
        for i in np.flatnonzero(top > foot):
            rows = slice(PREVIEW_GROUND_LINE - top[i], PREVIEW_GROUND_LINE - foot[i])
            canvas[rows, PREVIEW_BAR * i : PREVIEW_BAR * (i + 1) - 1] = PREVIEW_COLOURS[group % len(PREVIEW_COLOURS)]
        foot = top


def balanced(labels: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """Indices of the first `per_class` examples of every class, classes interleaved 0, 1, …, 0, 1, …"""
    firsts = [np.flatnonzero(labels == k)[:per_class] for k in range(int(labels.max()) + 1)]
    return np.stack(firsts, axis=1).reshape(-1)
