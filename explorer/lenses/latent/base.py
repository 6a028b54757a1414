"""What a lens of a latent chain is given, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.latent import Diagonal, LatentChain, LevelNoise, mean_decoding
from explorer.facts import ModelFacts
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Floats, Image

GAP = 1
"""Pixels between the pictures of a sheet."""
BETWEEN = 0.25
"""Their grey."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through the space of z_t. origin: (d,). axes: (2, d), of length 1, upright on each other. u, v are
    coordinates along them. places: (N, 2), of the data's encodings. reach: the plane is shown to ± reach.

    share: of the encodings' variance that lies in the plane.
    """

    origin: Tensor
    axes: Tensor
    places: Floats
    reach: float
    share: float

    def of(self, z: Tensor) -> Tensor:
        """The coordinates of z (n, d), (n, 2)."""
        return (z - self.origin) @ self.axes.T

    def moved(self, z: Tensor, place: tuple[float, float]) -> Tensor:
        """z (n, d) moved along the plane until each has the coordinates `place`."""
        wanted = torch.tensor(place, dtype=z.dtype, device=z.device)
        return z + (wanted - self.of(z)) @ self.axes

    def at(self, places: Tensor) -> Tensor:
        """The points of the plane itself with these coordinates, (n, 2) → (n, d)."""
        return self.origin + places @ self.axes


@dataclass(frozen=True, eq=False)
class LatentView:
    """Everything a lens of a latent chain may look at.

    t: the level on show, 0 for the picture. level: the same, but 1 where t is 0. z: z_level of every sample, (n, d).
    distribution: what it was drawn from, q(z_t | z_{t−1}) going up or p(z_t | z_{t+1}) going down. upward: which of
    the two. x: the picture at t = 0, (n, *shape). rungs: all levels that are known, by number. data, labels: of the
    model. plane: of a level. noise: for draws of the lens's own. partner: another picture of the data, (1, *shape).
    by_hand: z is not what was drawn.
    """

    facts: ModelFacts
    chain: LatentChain
    t: int
    z: Tensor
    distribution: Diagonal
    upward: bool
    x: Tensor
    rungs: Mapping[int, Tensor]
    data: Tensor
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    plane: Callable[[int], Plane]
    noise: LevelNoise
    partner: Tensor | None = None
    partner_number: int = 0
    by_hand: bool = False

    @property
    def level(self) -> int:
        """The level that is on show: at t = 0, where x is, the first."""
        return max(self.t, 1)

    @cached_property
    def decoding(self) -> Tensor:
        """The mean picture that z leads to, (n, *shape)."""
        return mean_decoding(self.chain, self.level, self.z)


@dataclass(frozen=True)
class LatentLens:
    """A named function of a LatentView."""

    name: str
    label: str
    formula: str
    draw: Callable[[LatentView], Drawable]
    words: str = ""
    """What it is, where the label is a symbol."""


def sheet(rows: list[Tensor], note: str = "", names: tuple[str, ...] = ()) -> Image:
    """Rows of pictures, (k, channels, height, width) each, as one picture with narrow gaps. names: of the rows."""
    lines = [_joined([numpy32(picture) for picture in row], axis=2) for row in rows]
    whole = _joined(lines, axis=1)
    return Image(np.ascontiguousarray(whole[None]), "data", (0.0, 1.0), note, names)


def _joined(pictures: list[Floats], axis: int) -> Floats:
    parts: list[NDArray[np.float32]] = []
    for picture in pictures:
        if parts:
            gap = list(picture.shape)
            gap[axis] = GAP
            parts.append(np.full(gap, BETWEEN, np.float32))
        parts.append(picture)
    return np.concatenate(parts, axis=axis)


def make_plane(chain: LatentChain, data: Tensor, t: int) -> Plane:
    """The plane of a level's map: all of it where z_t has two numbers, else the two directions in which the encodings
    of the data, means all the way up, vary most."""
    z = data
    for s in range(1, t + 1):
        z = chain.encode(s, z).mean
    size = chain.sizes[t - 1]
    if size <= 2 or len(z) < 3:
        axes = torch.eye(2, size, device=data.device)
        origin, share = torch.zeros(size, device=data.device), 1.0
    else:
        origin = z.mean(0)
        _, lengths, directions = torch.linalg.svd((z - origin).double().cpu(), full_matrices=False)
        share = float((lengths[:2] ** 2).sum() / (lengths**2).sum())
        axes = directions[:2].to(z)
        # A direction and its opposite are the same: the larger entry is to be positive.
        turn = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        axes = axes * turn
    places = (z - origin) @ axes.T
    reach = 1.05 * max(float(places.abs().max()), 2.5) if len(places) else 3.0
    return Plane(origin, axes, numpy32(places), min(reach, 4.5), share)
