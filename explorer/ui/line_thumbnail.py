"""Many numbers as one small picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from explorer.lenses.drawable import Floats
from explorer.ui import theme
from explorer.ui.plane_layers import group_colours

SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9


def upright_histogram(x: Floats, side: int, half_width: float) -> NDArray[np.uint32]:
    """How numbers (n,) are distributed from −half_width, at the bottom, to half_width: bars that grow to the right from
    the left edge, in the colours of the theme. (side, side) of 0xAARRGGBB."""
    counts = np.histogram(x, np.linspace(-half_width, half_width, side + 1))[0]
    heights = np.convolve(counts, SMOOTHING, mode="same")[::-1]
    reach = heights / max(float(heights.max()), 1e-9) * 0.9 * side
    ground, ink = np.uint32(QColor(theme.current().canvas).rgb()), group_colours()[0]
    return np.where(np.arange(side) < reach[:, None], ink, ground).astype(np.uint32)
