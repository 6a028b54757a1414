"""Streamlines of a vector field on a lattice: curves that follow it, evenly spread (after Jobard & Lefer 1997).

Lines are traced from seeds all over the plane at once, both ways, by the method of Adams and Bashforth along the
field's direction; its length plays no part. Then they are taken one after the other, each up to where it would come
close to another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.lenses.drawable import Floats

SEEDS = 14
"""Along each side."""
STEP = 0.7
"""Of a line, in cells of the lattice."""
STEPS = 26
"""At most, each way."""
APART = 1.4
"""Lines keep to different squares of this side, in cells of the lattice."""
SHORTEST = 5
"""Steps of a line that is worth drawing."""
LOST = 0.1
"""Where one direction and the next agree in less than this there is none to follow: a mode, or a saddle."""


@dataclass(frozen=True, eq=False)
class Streamlines:
    """starts, ends: (m, 2), the pieces of all lines, in the units of the plane. lines: (m,), which line a piece is of.

    certain: (m,) in [0, 1], how much to trust the field there. heads: the number of the piece at the middle of each
    line, where an arrow head belongs.
    """

    starts: Floats
    ends: Floats
    lines: NDArray[np.int64]
    certain: Floats
    heads: NDArray[np.int64]


def streamlines(
    vectors: Floats, certain: Floats, extent: tuple[float, float, float, float], seeds: int = SEEDS
) -> Streamlines:
    """vectors: (cells², 2) at the centres of cells × cells squares over the extent, row by row from the bottom."""
    cells = round(len(vectors) ** 0.5)
    left, right, bottom, top = extent
    size = np.array([(right - left) / cells, (top - bottom) / cells])
    field = vectors.reshape(cells, cells, 2) / size
    field = field / np.maximum(np.hypot(field[..., 0], field[..., 1]), 1e-12)[..., None]
    starts = _spread(seeds) * cells
    traced, lengths = _traced(field, starts)
    side = int(cells / APART) + 1
    squares = _squares(traced, side)
    taken = np.zeros(side * side, bool)
    paths = []
    for number in range(len(starts)):
        if taken[squares[number, 0]]:
            continue
        both = []
        for line in (len(starts) + number, number):  # back, and there
            met = taken[squares[line, : lengths[line]]]
            both.append((line, int(met.argmax()) if met.any() else lengths[line]))
        (back, behind), (there, ahead) = both
        if behind + ahead - 1 > SHORTEST:
            taken[squares[back, :behind]] = True
            taken[squares[there, :ahead]] = True
            paths.append(np.concatenate([traced[back, behind - 1 : 0 : -1], traced[there, :ahead]]))
    return _joined(paths, certain.reshape(cells, cells), np.array([left, bottom]), size)


def _spread(seeds: int) -> NDArray[np.float64]:
    """Places in the unit square, (seeds², 2), on a lattice, in an order in which any beginning is spread evenly."""
    places = (np.arange(seeds) + 0.5) / seeds
    x, y = np.meshgrid(places, places)
    order = np.argsort(np.arange(seeds * seeds) * 0.6180339887498949 % 1.0)
    lattice: NDArray[np.float64] = np.stack([x.ravel(), y.ravel()], axis=1)[order]
    return lattice


def _traced(field: NDArray[np.float64], starts: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[int]]:
    """Places in cells, (2 n, STEPS + 1, 2): n lines along the field, then n against it; and how many places each has
    until it leaves the field or loses its direction."""
    way = np.repeat([STEP, -STEP], len(starts))[:, None]
    place = np.concatenate([starts, starts])
    path = np.empty((len(place), STEPS + 1, 2))
    path[:, 0] = place
    before = _direction(field, place)
    length = np.ones(len(place), np.int64)
    going = np.ones(len(place), bool)
    for step in range(1, STEPS + 1):
        direction = _direction(field, place)
        place = place + way * (1.5 * direction - 0.5 * before)
        # Where a line turns back on itself it has run into a mode.
        sure = (direction * before).sum(1) > LOST
        going &= sure & (place > 0).all(1) & (place < len(field)).all(1)
        place = np.where(going[:, None], place, path[:, step - 1])
        path[:, step] = place
        length += going
        before = direction
    return path, length.tolist()


def _direction(field: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between the lattice's own directions, linearly. place: (n, 2), x and y in cells."""
    most = len(field) - 1
    at = np.clip(place - 0.5, 0, most - 1e-6)
    low = at.astype(np.int64)
    part = at - low
    column, row = low[:, 0], low[:, 1]
    p, q = part[:, :1], part[:, 1:]
    below = (1 - p) * field[row, column] + p * field[row, column + 1]
    above = (1 - p) * field[row + 1, column] + p * field[row + 1, column + 1]
    between: NDArray[np.float64] = (1 - q) * below + q * above
    return between


def _squares(path: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    square = np.minimum((path / APART).astype(np.int64), side - 1)
    numbers: NDArray[np.int64] = square[..., 1] * side + square[..., 0]
    return numbers


def _joined(
    paths: list[NDArray[np.float64]],
    certain: Floats,
    corner: NDArray[np.float64],
    size: NDArray[np.float64],
) -> Streamlines:
    if not paths:
        nothing, none = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
        return Streamlines(nothing, nothing, none, np.zeros(0, np.float32), none)
    starts, ends = (np.concatenate([path[part] for path in paths]) for part in (slice(None, -1), slice(1, None)))
    counts = np.array([len(path) - 1 for path in paths])
    middle = np.minimum(((starts + ends) / 2).astype(np.int64), len(certain) - 1)
    return Streamlines(
        (corner + starts * size).astype(np.float32),
        (corner + ends * size).astype(np.float32),
        np.repeat(np.arange(len(paths)), counts),
        certain[middle[:, 1], middle[:, 0]],
        np.cumsum(counts) - counts + counts // 2,
    )
