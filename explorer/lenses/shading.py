"""A Map as pixels, at any size and for any part of it: shades in bands, and lines of equal height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.drawable import Floats, Map

WHOLE = (0.0, 0.0, 1.0, 1.0)


def map_pixels(
    drawn: Map,
    shape: tuple[int, int],
    colours: NDArray[np.uint32],
    ink: int,
    window: tuple[float, float, float, float] = WHOLE,
) -> NDArray[np.uint32]:
    """0xffRRGGBB numbers of `shape` (height, width). colours: from the lower limit to the upper; ink: of the lines.

    window: left, top, width, height of the part to show, as fractions of the whole from its upper left corner.
    """
    low, high = drawn.limits
    level = (resampled(drawn.data, shape, window) - np.float32(low)) / np.float32(max(high - low, 1e-12))
    band = np.floor(np.nan_to_num(level, nan=0.0).clip(0, 1 - 1e-6) * drawn.bands)
    shade = ((band / max(drawn.bands - 1, 1)) * (len(colours) - 1)).astype(np.intp)
    pixels = np.ascontiguousarray(colours[shade], np.uint32)
    if drawn.outline is not None and drawn.levels:
        lines = contours(resampled(drawn.outline, shape, window), drawn.levels)
        half = np.uint32(0x7F7F7F)
        pixels[lines] = np.uint32(0xFF000000) | ((pixels[lines] >> 1 & half) + (np.uint32(ink) >> 1 & half))
    return pixels


def resampled(values: Floats, shape: tuple[int, int], window: tuple[float, float, float, float]) -> Floats:
    """Values at cell centres, row 0 at the bottom, interpolated at the pixels of a window, row 0 at the top."""
    left, top, width, height = window
    down = top + height * (np.arange(shape[0]) + 0.5) / shape[0]
    across = left + width * (np.arange(shape[1]) + 0.5) / shape[1]
    rows, columns = _weights(1 - down, values.shape[0]), _weights(across, values.shape[1])
    return np.asarray(rows @ values @ columns.T, np.float32)


def contours(values: Floats, levels: tuple[float, ...]) -> NDArray[np.bool_]:
    """True where a pixel and the one to its right or below it lie on two sides of a level."""
    band = np.digitize(values, np.sort(np.asarray(levels, np.float32)))
    lines = np.zeros(values.shape, np.bool_)
    lines[:, :-1] |= band[:, :-1] != band[:, 1:]
    lines[:-1] |= band[:-1] != band[1:]
    return lines


def _weights(places: NDArray[np.float64], cells: int) -> Floats:
    """How much of each of `cells` values each place takes, (places, cells)."""
    position = (places * cells - 0.5).clip(0, cells - 1)
    first = np.minimum(position.astype(np.intp), max(cells - 2, 0))
    part = (position - first).astype(np.float32)
    weights = np.zeros((len(places), cells), np.float32)
    rows = np.arange(len(places))
    weights[rows, first] = 1 - part
    weights[rows, np.minimum(first + 1, cells - 1)] += part
    return weights
