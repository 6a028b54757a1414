"""The exact distribution of a model's data, where its configuration states one: a Gaussian mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from explorer.facts import ModelError
from explorer.formats.fields import Fields, finite

if TYPE_CHECKING:  # facts are read without numpy and torch
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from explorer.diffusion.mixture import GaussianMixture

MAX_COMPONENTS = 1000
MAX_COORDINATE = 1e6
PLACES = {1: "numbers [x]", 2: "points [x, y]"}
MATRICES = {1: "[[xx]]", 2: "[[xx, xy], [xy, yy]]"}


@dataclass(frozen=True)
class Truth:
    """weights (k), adding up to 1; means (k, d); covariances (k, d, d), symmetric positive definite; d is 1 or 2.

    pieces: (k), the piece 0, 1, … of the distribution that each component belongs to; None where each is one.
    """

    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]
    pieces: tuple[int, ...] | None = None

    @property
    def piece_count(self) -> int:
        """Components of one number are one piece."""
        return len(self.weights) if self.pieces is None else max(self.pieces) + 1

    @property
    def reach(self) -> float:
        """The largest coordinate, either sign, within three standard deviations of any component."""
        return max(
            abs(mean[d]) + 3 * math.sqrt(covariance[d][d])
            for mean, covariance in zip(self.means, self.covariances, strict=True)
            for d in range(len(mean))
        )

    def mixture(self, device: torch.device) -> GaussianMixture:
        """In float32 on `device`."""
        import torch

        from explorer.diffusion.mixture import GaussianMixture

        weights, means, covariances = (
            torch.tensor(values, dtype=torch.float32) for values in (self.weights, self.means, self.covariances)
        )
        pieces = None if self.pieces is None else torch.tensor(self.pieces)
        return GaussianMixture(weights, means, covariances, pieces).to(device)

    def draw(self, n: int, seed: int) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """n points, float32 (n, d), and the piece of each; the first points of a larger n are the same."""
        import torch

        from explorer.diffusion.noise import NoiseSource, Stream

        cpu = torch.device("cpu")
        noise = NoiseSource(seed, n, (len(self.means[0]) + 1,), cpu)(0, Stream.DATA)
        # Φ makes a uniform number of a normal one; float64 keeps it below 1.
        uniform = torch.special.ndtr(noise[:, -1].double())
        mixture = self.mixture(cpu)
        points: NDArray[np.float32] = mixture.draw(noise[:, :-1], uniform).numpy()
        return points, tuple(mixture.components(uniform).tolist())


def read_truth(fields: Fields, d: int) -> Truth:
    """A mixture in d dimensions, 1 or 2. Raises ModelError for numbers that are none."""
    weights = fields.numbers("weights", 1e-9, 1.0, MAX_COMPONENTS)
    if weights is None or abs(math.fsum(weights) - 1) > 1e-3:
        raise fields.wrong("weights", f"a list of 1 to {MAX_COMPONENTS:,} positive numbers that add up to 1")
    means, covariances = fields.values.get("means"), fields.values.get("covariances")
    k = len(weights)
    if not _list_of(means, k) or not all(_is_vector(mean, d) for mean in means):
        raise fields.wrong("means", f"a list of {k} {PLACES[d]}")
    if not _list_of(covariances, k) or not all(_is_covariance(matrix, d) for matrix in covariances):
        raise fields.wrong("covariances", f"a list of {k} symmetric positive definite matrices {MATRICES[d]}")
    pieces = fields.integers("pieces", 0, k - 1, k)
    if pieces is not None and (len(pieces) != k or set(pieces) != set(range(max(pieces) + 1))):
        raise fields.wrong(
            "pieces", f"a list of {k} whole numbers, of which none between 0 and the largest is left out"
        )
    total = math.fsum(weights)
    return Truth(
        tuple(weight / total for weight in weights),
        tuple(_floats(mean) for mean in means),
        tuple(tuple(_floats(row) for row in matrix) for matrix in covariances),
        pieces,
    )


def require_truth(fields: Fields, d: int) -> Truth | None:
    """The entry `truth` of a model's configuration; None where there is none, which network "exact" cannot be.

    Raises ModelError.
    """
    entry = fields.object("truth")
    if entry is not None:
        return read_truth(entry, d)
    if fields.values.get("network") == "exact":
        raise ModelError(f"{fields.label} asks for the exact model but states no truth to compute it from.")
    return None


def _list_of(value: object, length: int) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and len(value) == length


def _is_vector(value: Any, d: int) -> bool:
    return _list_of(value, d) and all(finite(item) and abs(item) <= MAX_COORDINATE for item in value)


def _is_covariance(value: Any, d: int) -> bool:
    if not _list_of(value, d) or not all(_is_vector(row, d) for row in value):
        return False
    if d == 1:
        return bool(value[0][0] > 0)
    (xx, xy), (yx, yy) = value
    symmetric = abs(xy - yx) <= 1e-6 * max(abs(xx), abs(yy))
    positive: bool = xx > 0 and yy > 0 and xx * yy - xy * yx > 1e-6 * xx * yy  # in float32 too
    return symmetric and positive


def _floats(values: list[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
