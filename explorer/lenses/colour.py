"""Numbers to colours, for the window's tiles and for pictures written by the command line alike.

All maps are perceptually uniform and readable by the colour-blind (Crameri 2018): vik diverges about 0,
batlow rises from 0.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.drawable import Image, Palette

SIGNED = "crameri:vik"
MAGNITUDE = "crameri:batlow"
NAMES: dict[Palette, str] = {"data": "gray", "signed": SIGNED, "magnitude": MAGNITUDE}
"""Of the maps, by palette."""


@cache
def table(name: str) -> NDArray[np.uint8]:
    """A colour map as 256 RGB rows. name: "gray", or one of the maps `cmap` knows."""
    from cmap import Colormap  # a tenth of a second, before which a window can be painted

    return np.asarray(np.round(Colormap(name)(np.linspace(0, 1, 256))[:, :3] * 255), np.uint8)


def palette_table(palette: Palette) -> NDArray[np.uint8]:
    """The colours of a palette, 256 RGB rows."""
    return table(NAMES[palette])


@cache
def packed(name: str) -> NDArray[np.uint32]:
    """A colour map as 256 numbers 0xffRRGGBB, the layout of Qt's RGB32."""
    rgb = table(name).astype(np.uint32)
    return np.asarray(0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], np.uint32)


def grid_shape(n: int) -> tuple[int, int]:
    """rows, columns of the most nearly square grid that holds n pictures, wider rather than higher."""
    columns = int(np.ceil(np.sqrt(n)))
    return -(-n // columns), columns


def pixel_at(image: Image, x: float, y: float) -> tuple[int, float, float] | None:
    """The sample at a place of a batch's sheet, x and y in [0, 1) from its top left corner, and the row and column of
    that place in the sample's picture, in pixels; None beside all samples."""
    n, _, height, width = image.data.shape
    rows, columns = grid_shape(n)
    across, down = x * columns, y * rows
    sample = math.floor(down) * columns + math.floor(across)
    if not (0 <= across < columns and 0 <= down < rows and sample < n):
        return None
    return sample, down % 1 * height, across % 1 * width


def bytes_of(image: Image) -> NDArray[np.uint8]:
    """The data scaled to 0 … 255 between the limits and cut off there, (n, channels, height, width). NaN is 0."""
    low, high = image.limits
    # Scaled before it is shifted: between symmetric limits 0 is then 128 whatever the limits are.
    scaled = image.data * np.float32(255 / (high - low)) + np.float32(0.5 - 255 * low / (high - low))
    return np.asarray(np.fmin(np.fmax(scaled, 0), 255), np.uint8)  # fmax takes 0 in place of NaN


def _shown(image: Image) -> NDArray[np.uint8]:
    """Channels as they are drawn: one, or the first three of data as red, green and blue; others become their mean."""
    if image.data.shape[1] == 1:
        return bytes_of(image)
    if image.palette == "data" and image.data.shape[1] >= 3:
        return bytes_of(Image(image.data[:, :3], image.palette, image.limits))
    return bytes_of(Image(image.data.mean(axis=1, keepdims=True), image.palette, image.limits))


def contact_sheet(image: Image, gap: int = 0) -> NDArray[np.uint8]:
    """A batch as one RGB picture (rows · height, columns · width, 3), pictures in reading order."""
    shown = _shown(image)
    n, channels, height, width = shown.shape
    rows, columns = grid_shape(n)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), np.uint8)
    for i, picture in enumerate(shown):
        rgb = palette_table(image.palette)[picture[0]] if channels == 1 else picture.transpose(1, 2, 0)
        row, column = divmod(i, columns)
        y, x = row * (height + gap), column * (width + gap)
        sheet[y : y + height, x : x + width] = rgb
    return sheet


def packed_sheet(image: Image) -> NDArray[np.uint32]:
    """The same as 0xffRRGGBB numbers (rows · height, columns · width), without gaps, fast enough for every frame."""
    shown = _shown(image)
    n, channels, height, width = shown.shape
    if channels == 1:
        pixels = np.asarray(packed(NAMES[image.palette])[shown[:, 0]], np.uint32)
    else:
        rgb = shown.astype(np.uint32)
        pixels = np.asarray(0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], np.uint32)
    if n == 1:
        return np.ascontiguousarray(pixels[0], np.uint32)
    rows, columns = grid_shape(n)
    sheet = np.full((rows * columns, height, width), 0xFF000000, np.uint32)
    sheet[:n] = pixels
    return np.ascontiguousarray(
        sheet.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
    )
