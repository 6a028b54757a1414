"""Distributions in the plane whose density and score are known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from explorer.diffusion.mixture import GaussianMixture


@dataclass(frozen=True)
class ToyMixture:
    """A Gaussian mixture as plain numbers: weights (k), means (k, 2), covariances (k, 2, 2), a name each."""

    weights: tuple[float, ...]
    means: tuple[tuple[float, float], ...]
    covariances: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    names: tuple[str, ...]

    def exact(self, dtype: torch.dtype = torch.float32) -> GaussianMixture:
        """The mixture with its closed forms, on the CPU."""
        return GaussianMixture(
            torch.tensor(self.weights, dtype=dtype),
            torch.tensor(self.means, dtype=dtype),
            torch.tensor(self.covariances, dtype=dtype),
        )


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


def _covariance(along: float, across: float, degrees: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The covariance with these standard deviations along and across a direction, counted from the first axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    xx, yy = (along * c) ** 2 + (across * s) ** 2, (along * s) ** 2 + (across * c) ** 2
    xy = (along**2 - across**2) * c * s
    return (xx, xy), (xy, yy)
