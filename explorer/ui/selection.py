"""Some pixels of a picture, as a mask (height, width): plain functions of masks, each giving a new one."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
Pixel: TypeAlias = tuple[int, int]
"""Row and column."""


def nothing(shape: tuple[int, int]) -> Mask:
    return np.zeros(shape, np.bool_)


def rectangle(shape: tuple[int, int], one: Pixel, other: Pixel) -> Mask:
    """All from one corner to the other, both included."""
    mask = nothing(shape)
    (top, bottom), (left, right) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    mask[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
    return mask


def disc(shape: tuple[int, int], row: float, column: float, radius: float) -> Mask:
    """The pixels whose middle lies within a radius, in pixels; at least the one that the place lies in."""
    rows, columns = np.indices(shape)
    mask: Mask = (rows + 0.5 - row) ** 2 + (columns + 0.5 - column) ** 2 <= radius**2
    if 0 <= row < shape[0] and 0 <= column < shape[1]:
        mask[int(row), int(column)] = True
    return mask


def box(mask: Mask) -> tuple[int, int, int, int]:
    """Top, left, height and width of the smallest rectangle around a mask that holds something."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1


def outline(mask: Mask) -> list[tuple[int, int, int, int]]:
    """The lines between what is in it and what is not: x₀, y₀, x₁, y₁ between corners of pixels, as long as may be."""
    padded = np.pad(mask, 1)
    lines = []
    for upright in (False, True):
        # Rows above and below each line that lies along the rows; the same of the picture on its side.
        side = padded.T if upright else padded
        edge = side[1:, 1:-1] != side[:-1, 1:-1]
        for y in np.flatnonzero(edge.any(1)).tolist():
            turns = np.flatnonzero(np.diff(np.concatenate([[False], edge[y], [False]]))).tolist()
            for begin, end in zip(turns[::2], turns[1::2], strict=True):
                lines.append((y, begin, y, end) if upright else (begin, y, end, y))
    return lines


def words(mask: Mask) -> str:
    """What is selected, in a few words: pixels (height, width), or points (n,)."""
    if mask.ndim == 1:
        many = int(mask.sum())
        return f"{many:,} point{'s' * (many != 1)}"
    top, left, height, width = box(mask)
    if mask.sum() == height * width:
        return f"{width} × {height} pixels at ({left}, {top})"
    count = int(mask.sum())
    return f"{count:,} pixel{'s' * (count != 1)}"
