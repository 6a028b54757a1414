"""Points as pixels: tens of thousands of dots drawn into a picture by numpy in a few milliseconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.drawable import Floats


def splat(
    canvas: NDArray[np.uint32],
    x: Floats,
    y: Floats,
    groups: NDArray[np.uint8],
    colours: NDArray[np.uint32],
    size: int = 2,
) -> None:
    """Draw size × size dots into the canvas (height, width) of 0xffRRGGBB numbers, in place.

    x, y: pixel positions (n,); dots that would not fit in whole are left out. groups: (n,) index into
    colours, which begin again where there are more groups.
    """
    height, width = canvas.shape
    # Compared as they are: what is far outside, or no number at all, has no integer.
    inside = (x >= 0) & (y >= 0) & (x < width - size + 1) & (y < height - size + 1)
    if not inside.all():
        x, y, groups = x[inside], y[inside], groups[inside]
    column, row = x.astype(np.int32), y.astype(np.int32)
    first = row * width + column
    ink = colours[groups % len(colours)] if len(colours) > 1 else colours[0]
    flat = canvas.reshape(-1)
    for dy in range(size):
        for dx in range(size):
            flat[first + (dy * width + dx)] = ink
