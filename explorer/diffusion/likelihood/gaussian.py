"""Gaussian densities and divergences with one variance for all numbers of a sample.

    KL(N(μ_q, v_q I) ‖ N(μ_p, v_p I)) = ½ [d log(v_p/v_q) − d + d v_q/v_p + ‖μ_p − μ_q‖²/v_p]

The last factor p(x_0 | x_1) is either such a Gaussian, for continuous data, or for 8-bit pictures that Gaussian's
mass in the interval around each of the 256 values (Ho et al. 2020, eq. 13). All results are in nats, one for each
sample, float64 on the CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


def summed(x: Tensor) -> Tensor:
    """The sum over each sample's numbers, (n, …) → float64 (n,) on the CPU. MPS has no float64, so it adds before."""
    flat = x.flatten(1)
    if x.device.type != "mps":
        flat = flat.double()
    return flat.sum(1).to("cpu", torch.float64)


def gaussian_kl(squared_distance: Tensor, d: int, variance_q: float, variance_p: float) -> Tensor:
    """KL(q ‖ p) in nats, (n,). squared_distance: ‖μ_p − μ_q‖², (n,). d: numbers in a sample. Variances above 0."""
    ratio = variance_q / variance_p
    return 0.5 * (d * (ratio - 1 - math.log(ratio)) + squared_distance / variance_p)


def gaussian_log_density(squared_distance: Tensor, d: int, variance: float) -> Tensor:
    """log N(x; μ, v I) in nats, (n,). squared_distance: ‖x − μ‖², (n,). variance above 0."""
    return -0.5 * (d * math.log(2 * math.pi * variance) + squared_distance / variance)


class Decoder(Protocol):
    """The last factor of the model: (x_0, mean of p(x_0 | x_1)) → log p(x_0 | x_1) in nats, float64 (n,)."""

    def __call__(self, x_0: Tensor, mean: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class GaussianDecoder:
    """log N(x_0; mean, σ₁² I). variance: σ₁², above 0, else ValueError."""

    variance: float

    def __post_init__(self) -> None:
        _check_variance(self.variance)

    def __call__(self, x_0: Tensor, mean: Tensor) -> Tensor:
        return gaussian_log_density(summed((x_0 - mean).square()), x_0[0].numel(), self.variance)


@dataclass(frozen=True)
class DiscretisedDecoder:
    """The mass that N(mean, σ₁² I) has in the interval around each value of an 8-bit picture.

    variance: σ₁², above 0, else ValueError. low, high: the model's value range, whose ends stand for the bytes 0 and
    levels − 1; their intervals go on to ∓∞, so the masses of all values add up to 1.
    """

    variance: float
    low: float = -1.0
    high: float = 1.0
    levels: int = 256

    def __post_init__(self) -> None:
        _check_variance(self.variance)

    def __call__(self, x_0: Tensor, mean: Tensor) -> Tensor:
        x_0, mean = x_0.to("cpu", torch.float64), mean.to("cpu", torch.float64)
        std = math.sqrt(self.variance)
        half_bin = 0.5 * (self.high - self.low) / (self.levels - 1)
        lower = torch.where(x_0 < self.low + half_bin, -math.inf, (x_0 - half_bin - mean) / std)
        upper = torch.where(x_0 > self.high - half_bin, math.inf, (x_0 + half_bin - mean) / std)
        # Φ rounds to 1 far to the right but not to the left, so the interval is mirrored there.
        right = lower > 0
        lower, upper = torch.where(right, -upper, lower), torch.where(right, -lower, upper)
        log_lower, log_upper = torch.special.log_ndtr(lower), torch.special.log_ndtr(upper)
        return summed(log_upper + torch.log(-torch.expm1(log_lower - log_upper)))


def _check_variance(variance: float) -> None:
    if not 0 < variance < math.inf:
        raise ValueError(f"the variance σ₁² of p(x₀ | x₁) must be above 0, not {variance}")
