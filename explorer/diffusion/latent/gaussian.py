"""The distributions that a chain of latent variables is made of: diagonal Gaussians, and p(x | z₁).

    z = μ + σ ⊙ ε                                                     the reparameterised draw
    KL(N(μ, σ²) ‖ N(m, s²)) = Σ_d ½ [2 log s/σ − 1 + σ²/s² + (μ − m)²/s²]

All densities and divergences are in nats, one for each sample, float64 on the CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from explorer.diffusion.likelihood.gaussian import summed


@dataclass(frozen=True, eq=False)
class Diagonal:
    """N(mean, diag σ²), one for each row. mean, log_std: (n, d)."""

    mean: Tensor
    log_std: Tensor

    @classmethod
    def standard(cls, like: Tensor) -> Diagonal:
        """N(0, I) for every row of `like` (n, d)."""
        zero = torch.zeros_like(like)
        return cls(zero, zero)

    @property
    def std(self) -> Tensor:
        return self.log_std.exp()

    def at(self, eps: Tensor) -> Tensor:
        """μ + σ ⊙ ε, ε of shape (n, d)."""
        return self.mean + self.std * eps

    def log_density(self, z: Tensor) -> Tensor:
        """log N(z; μ, σ²) in nats, float64 (n,)."""
        squares = ((z - self.mean) / self.std).square()
        return summed(-0.5 * squares - self.log_std) - 0.5 * z.shape[1] * math.log(2 * math.pi)

    def kl_by_dimension(self, other: Diagonal) -> Tensor:
        """KL(self ‖ other) of every number by itself, (n, d), of which the sum is that of all."""
        apart = self.log_std - other.log_std
        moved = ((self.mean - other.mean) / other.std).square()
        return 0.5 * (moved + (2 * apart).exp() - 1) - apart

    def kl(self, other: Diagonal) -> Tensor:
        """KL(self ‖ other) in nats, float64 (n,)."""
        return summed(self.kl_by_dimension(other))


class Likelihood(Protocol):
    """p(x | z₁), one for each row of z₁."""

    @property
    def mean(self) -> Tensor:
        """E[x | z₁], (n, *shape), in the model's value range."""
        ...

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x | z₁) in nats, float64 (n,). x: (n, *shape), as `LatentChain.observed` gives it."""
        ...


@dataclass(frozen=True, eq=False)
class BernoulliPicture:
    """Every pixel by itself: 1 with the probability sigmoid(logit), else 0. logits: (n, *shape)."""

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """The probabilities of a 1, (n, *shape)."""
        return self.logits.sigmoid()

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats, (n,), of x (n, *shape) of zeros and ones."""
        # log σ(l) for a 1, log (1 − σ(l)) = log σ(l) − l for a 0, both without overflow.
        return summed(torch.nn.functional.logsigmoid(self.logits) - (1 - x) * self.logits)


@dataclass(frozen=True, eq=False)
class GaussianData:
    """N(mean, σ² I). mean: (n, *shape). std: σ, above 0."""

    mean: Tensor
    std: float

    def log_prob(self, x: Tensor) -> Tensor:
        """The density in nats, (n,), of x (n, *shape)."""
        squares = ((x - self.mean) / self.std).square()
        return summed(-0.5 * squares) - x[0].numel() * (math.log(self.std) + 0.5 * math.log(2 * math.pi))
