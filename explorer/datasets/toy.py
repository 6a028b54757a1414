"""Distributions in the plane, and one on a line, whose density and score are known exactly: all Gaussian mixtures.

A curve or a square is a row of many round components so close together that the density along it is flat to about a
hundredth. What belongs together is a piece: a moon, a ring, a square. All are centred, of variance near 1 and within
±2.5, so that one window and one schedule suit them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from explorer.diffusion.mixture import GaussianMixture

Place = tuple[float, float]
Matrix = tuple[tuple[float, float], tuple[float, float]]

SPACING = 1.7
"""Between neighbouring components, in their standard deviations: the density between them dips by 2 ‰."""


@dataclass(frozen=True)
class ToyMixture:
    """A Gaussian mixture as plain numbers: weights (k), means (k, d), covariances (k, d, d).

    pieces: (k), to which visible piece each component belongs. names: one for each piece.
    """

    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]
    names: tuple[str, ...]
    pieces: tuple[int, ...] | None = None

    def exact(self, dtype: torch.dtype = torch.float32) -> GaussianMixture:
        """The mixture with its closed forms, on the CPU."""
        return GaussianMixture(
            torch.tensor(self.weights, dtype=dtype),
            torch.tensor(self.means, dtype=dtype),
            torch.tensor(self.covariances, dtype=dtype),
            None if self.pieces is None else torch.tensor(self.pieces),
        )

    def facts(self) -> dict[str, object]:
        """The entry `truth` of a model's configuration file."""
        pieces = {} if self.pieces is None else {"pieces": self.pieces}
        return {"weights": self.weights, "means": self.means, "covariances": self.covariances, **pieces}


def three_components() -> ToyMixture:
    """One round, one long and tilted, one small component, of weights .5, .3, .2; mean 0, variance near 1, within ±2.5.

    The unequal weights show what a sampler gets wrong when it forgets where it should have gone, and the
    gaps between the components are wide enough that Langevin dynamics on the data itself never crosses them.
    """
    return ToyMixture(
        weights=(0.5, 0.3, 0.2),
        means=((-0.9, -0.4), (0.7, 1.1), (1.2, -0.65)),
        covariances=(_covariance(0.33, 0.33, 0.0), _covariance(0.6, 0.16, -25.0), _covariance(0.2, 0.13, 50.0)),
        names=("round", "tilted", "small"),
    )


def three_on_a_line() -> ToyMixture:
    """Three numbers with some spread, of weights .5, .3 and .2; mean 0, variance near 1, within ±2.5."""
    means, stds = (-0.9, 0.54, 1.44), (0.22, 0.12, 0.16)
    return ToyMixture(
        weights=(0.5, 0.3, 0.2),
        means=tuple((mean,) for mean in means),
        covariances=tuple(((std * std,),) for std in stds),
        names=("left", "middle", "right"),
    )


def two_moons() -> ToyMixture:
    """Two half circles of radius 1.3 that reach into one another; the upper has weight .6."""
    std = 0.1
    angles = _steps(0.0, math.pi, math.pi * 1.3, std)
    upper = [(1.3 * math.cos(u) - 0.65, 1.3 * math.sin(u) - 0.325) for u in angles]
    lower = [(-x, -y) for x, y in upper]
    return _of_pieces({"upper": (0.6, upper), "lower": (0.4, lower)}, std)


def swiss_roll() -> ToyMixture:
    """A spiral of one and a half turns, with equal density along it, cut into three stretches."""
    std, turns = 0.075, (1.5 * math.pi, 4.5 * math.pi)
    scale = 2.1 / turns[1]
    fine = [turns[0] + (turns[1] - turns[0]) * i / 4000 for i in range(4001)]
    curve = [(scale * u * math.cos(u), scale * u * math.sin(u)) for u in fine]
    places = along(curve, SPACING * std)
    n = len(places)
    stretches = {name: places[i * n // 3 : (i + 1) * n // 3] for i, name in enumerate(("inner", "middle", "outer"))}
    return _of_pieces({name: (len(found) / n, found) for name, found in stretches.items()}, std)


def checkerboard() -> ToyMixture:
    """The eight dark squares, of side 1, of a board of four by four; all of one weight."""
    side, count = 1.0, 5
    std = side / count / SPACING
    offsets = [side * ((i + 0.5) / count) for i in range(count)]
    squares = {}
    for row in range(4):
        for column in range(4):
            if (row + column) % 2 == 0:
                left, bottom = side * (column - 2), side * (row - 2)
                name = f"{'abcd'[column]}{row + 1}"
                squares[name] = (0.125, [(left + dx, bottom + dy) for dy in offsets for dx in offsets])
    return _of_pieces(squares, std)


def three_rings() -> ToyMixture:
    """Rings of radius 0.6, 1.3 and 2 about one centre, of weights .2, .3 and .5."""
    std = 0.075
    rings = {}
    for name, weight, radius in (("inner", 0.2, 0.6), ("middle", 0.3, 1.3), ("outer", 0.5, 2.0)):
        n = math.ceil(2 * math.pi * radius / (SPACING * std))
        angles = [2 * math.pi * i / n for i in range(n)]
        rings[name] = (weight, [(radius * math.cos(u), radius * math.sin(u)) for u in angles])
    return _of_pieces(rings, std)


def from_strokes(strokes: Sequence[Sequence[Place]], std: float = 0.1, most: int = 400) -> ToyMixture:
    """What somebody has drawn: each stroke is a piece, its weight its share of the whole length.

    strokes: each the places the pen went through. A drawing that is too long for `most` components is made of wider
    ones. Raises ValueError where nothing has been drawn.
    """
    drawn = [list(stroke) for stroke in strokes if stroke]
    if not drawn:
        raise ValueError("Draw something first: the drawing is empty.")
    rows = [along(stroke, SPACING * std) for stroke in drawn]
    while (total := sum(len(row) for row in rows)) > most:
        std *= 1.25
        rows = [along(stroke, SPACING * std) for stroke in drawn]
    return _of_pieces({f"stroke {i + 1}": (len(row) / total, row) for i, row in enumerate(rows)}, std)


def along(curve: Sequence[Place], spacing: float) -> list[Place]:
    """Places on a curve, given by its corners, about `spacing` apart along it, the ends included."""
    lengths = [0.0]
    for one, other in pairwise(curve):
        lengths.append(lengths[-1] + math.dist(one, other))
    count = max(round(lengths[-1] / spacing), 0)
    found, corner = [], 0
    for i in range(count + 1):
        wanted = lengths[-1] * i / max(count, 1)
        while corner + 2 < len(curve) and lengths[corner + 1] < wanted:
            corner += 1
        if len(curve) == 1:
            return [curve[0]]
        part = (wanted - lengths[corner]) / max(lengths[corner + 1] - lengths[corner], 1e-12)
        (x, y), (to_x, to_y) = curve[corner], curve[corner + 1]
        found.append((x + (to_x - x) * part, y + (to_y - y) * part))
    return found


def _steps(low: float, high: float, length: float, std: float) -> list[float]:
    """Numbers from low to high for components along a curve of this length."""
    n = round(length / (SPACING * std))
    return [low + (high - low) * i / n for i in range(n + 1)]


def _of_pieces(pieces: dict[str, tuple[float, list[Place]]], std: float) -> ToyMixture:
    """pieces: by name its weight, and the places of its components, all round with the standard deviation std."""
    weights = [weight / len(places) for weight, places in pieces.values() for _ in places]
    return ToyMixture(
        weights=tuple(weights),
        means=tuple(place for _, places in pieces.values() for place in places),
        covariances=(((std * std, 0.0), (0.0, std * std)),) * len(weights),
        names=tuple(pieces),
        pieces=tuple(i for i, (_, places) in enumerate(pieces.values()) for _ in places),
    )


def _covariance(along: float, across: float, degrees: float) -> Matrix:
    """The covariance with these standard deviations along and across a direction, counted from the first axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    xx, yy = (along * c) ** 2 + (across * s) ** 2, (along * s) ** 2 + (across * c) ** 2
    xy = (along**2 - across**2) * c * s
    return (xx, xy), (xy, yy)


TOYS: dict[str, Callable[[], ToyMixture]] = {
    "mixture": three_components,
    "moons": two_moons,
    "swiss_roll": swiss_roll,
    "checkerboard": checkerboard,
    "rings": three_rings,
    "mixture_1d": three_on_a_line,
}
"""Every one by name."""
