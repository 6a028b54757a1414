"""How much of x_t and of x̂₀ lies in coarse and in fine structure, beside the data.

Noise has the same power at every frequency, pictures little at high ones: so fine structure drowns first on the way
to noise, and appears last on the way back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.base import Lens, View, number, numpy32
from explorer.lenses.drawable import Chart, Drawable, Floats, Line

PICTURES = 64
"""Of the data, for their mean."""
FLOOR = 1e-6


def radial_power(pictures: Floats) -> Floats:
    """Power by frequency, averaged over directions, channels and pictures: (r,) for radii 1 … min(height, width) / 2.

    pictures: (n, channels, height, width). Divided by height · width, so that white noise of variance v has power v.
    """
    height, width = pictures.shape[-2:]
    power = np.abs(np.fft.fft2(pictures)) ** 2 / (height * width)
    radius = _radii(height, width)
    largest = min(height, width) // 2
    inside = (radius >= 1) & (radius <= largest)
    mean = power.mean(axis=(0, 1))
    sums = np.bincount(radius[inside], mean[inside], largest + 1)
    counts = np.bincount(radius[inside], minlength=largest + 1)
    return np.asarray(sums[1:] / counts[1:], np.float32)


def _radii(height: int, width: int) -> NDArray[np.int64]:
    """The distance of every frequency from 0 in cycles per picture, rounded. (height, width)."""
    y, x = np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * width
    longest = max(height, width)
    return np.asarray(np.hypot(y[:, None] * longest / height, x[None] * longest / width).round(), np.int64)


def draw(view: View) -> Drawable:
    x_t, x0 = (radial_power(numpy32(x)) for x in (view.prediction.x_t, view.prediction.x0))
    frequencies = np.arange(1, len(x_t) + 1, dtype=np.float32)
    floor = np.full_like(x_t, number(view.prediction.s) ** 2)
    lines = [Line("noise s²", frequencies, np.maximum(floor, FLOOR), 3, dim=True)]
    if view.data is not None:
        data = radial_power(view.data[:PICTURES])
        lines.append(Line("data", frequencies, np.maximum(data, FLOOR), 2, dim=True))
    lines += [Line("x_t", frequencies, np.maximum(x_t, FLOOR), 0), Line("x̂₀", frequencies, np.maximum(x0, FLOOR), 1)]
    return Chart(np.stack([x_t, x0]), tuple(lines), "cycles per picture", "power", (False, True))


LENS = Lens("spectrum", "spectrum", "|F(x)|², averaged over directions", draw, kinds=("image", "latent"))
