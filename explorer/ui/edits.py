"""What can be done to an x_t by hand: plain functions of arrays, each giving a new one.

Pictures are (n, channels, height, width), points (n, 2), numbers (n, 1), float32, in the model's own values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.drawable import Floats
from explorer.ui.selection import disc

NOISE = 0.3
"""Standard deviation of the noise that is added."""
GRAB = 0.5
"""How far around the mouse points are taken along, in units of the plane."""


@dataclass(frozen=True)
class Edit:
    """name: of the menu's action. text: its words, also those of the branch. kinds: of models it is for."""

    name: str
    text: str
    apply: Callable[[Floats], Floats]
    kinds: tuple[str, ...] = ("image", "latent")
    least: tuple[int, int] = (1, 1)
    """At least so many samples and channels."""


def add_noise(x: Floats, seed: int = 0) -> Floats:
    """x + 0.3 ε, the same ε every time."""
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal(x.shape, np.float32)
    return x + np.float32(NOISE) * noise


def blur(x: Floats) -> Floats:
    """Each pixel the mean of itself and its neighbours, weighted 1 2 1 along both sides."""
    for axis in (-2, -1):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (1, 1)
        padded = np.pad(x, widths, mode="edge")
        size = x.shape[axis]
        before, here, after = (np.take(padded, range(i, i + size), axis) for i in range(3))
        x = ((before + 2 * here + after) / 4).astype(np.float32)
    return x


def paint(x: Floats, sample: int, row: float, column: float, radius: float, value: float) -> Floats:
    """A disc of one value in all channels of a sample. row, column, radius: in pixels, of the disc's middle."""
    painted = x.copy()
    painted[sample, :, disc(x.shape[-2:], row, column, radius)] = value
    return painted


def drag(x: Floats, grabbed: tuple[float, float], by: tuple[float, float]) -> Floats:
    """Points move with the mouse, those near where it took hold most: by a bell of width `GRAB`."""
    distance = np.square(x - np.array(grabbed, np.float32)).sum(axis=1, keepdims=True)
    weight = np.exp(-2 * distance / GRAB**2) * (distance < GRAB**2 * 4)
    moved: Floats = (x + weight * np.array(by, np.float32)).astype(np.float32)
    return moved


def inside(x: Floats, edited: Floats, where: NDArray[np.bool_] | None) -> Floats:
    """The edited numbers in the pixels of a selection (height, width), in every sample, or of the selected points (n,);
    all of them without one."""
    if where is None:
        return edited
    return np.where(where[:, None] if where.ndim == 1 else where, edited, x)


EDITS: tuple[Edit, ...] = (
    Edit("noise", "Add noise, 0.3 ε", add_noise, ("image", "points", "line", "latent")),
    Edit("blur", "Blur", blur),
    Edit("mirror", "Flip left to right", lambda x: np.ascontiguousarray(x[..., ::-1])),
    Edit("upside_down", "Flip upside down", lambda x: np.ascontiguousarray(x[..., ::-1, :])),
    Edit("negate", "Negate, −x_t", lambda x: -x, ("image", "points", "line", "latent")),
    Edit("channels", "Swap the channels round", lambda x: np.roll(x, 1, axis=1), least=(1, 2)),
    Edit("batch", "Give each sample the next one's x_t", lambda x: np.roll(x, -1, axis=0), least=(2, 1)),
)
