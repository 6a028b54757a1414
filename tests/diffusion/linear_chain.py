"""Chains of Gaussians whose log p(x) is known: x = W z₁ + b + s ε, z_t = a_t z_{t+1} + c_t ε."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.diffusion.latent import Diagonal, GaussianData


@dataclass(frozen=True)
class LinearChain:
    """weight: W (d_x, d) with columns upright on each other. down: a_t of z_t = a_t z_{t+1} + c_t ε, t = 1 … L − 1,
    with c_t² = 1 − a_t², so that every level is N(0, I) by itself. wrong: 0 for the true posterior, else its σ are
    larger by this share."""

    weight: Tensor
    offset: Tensor
    std: float
    down: tuple[float, ...] = ()
    wrong: float = 0.0

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.weight.shape[1],) * (len(self.down) + 1)

    def observed(self, x: Tensor) -> Tensor:
        return x

    def encode(self, t: int, below: Tensor) -> Diagonal:
        if t == 1:
            # p(z|x) for the prior N(0, I): precision 1 + |w_i|²/s², mean w_i·(x − b)/s² over that.
            precision = 1 + self.weight.square().sum(0) / self.std**2
            mean = (below.flatten(1) - self.offset) @ self.weight / self.std**2 / precision
            log_std = (-0.5 * precision.log()).expand_as(mean)
        else:
            # z_{t−1} = a z_t + c ε with both of variance 1: p(z_t|z_{t−1}) = N(a z_{t−1}, 1 − a²).
            a = self.down[t - 2]
            mean = a * below
            log_std = torch.full_like(mean, 0.5 * math.log(1 - a * a))
        return Diagonal(mean, log_std + math.log1p(self.wrong))

    def decode(self, t: int, z: Tensor) -> Diagonal:
        a = self.down[t - 2]
        return Diagonal(a * z, torch.full_like(z, 0.5 * math.log(1 - a * a)))

    def likelihood(self, z: Tensor) -> GaussianData:
        return GaussianData(z @ self.weight.T + self.offset, self.std)

    def log_p(self, x: Tensor) -> Tensor:
        """N(x; b, W Wᵀ + s² I), float64 (n,)."""
        w = self.weight.double()
        covariance = w @ w.T + self.std**2 * torch.eye(len(w), dtype=torch.float64)
        exact = torch.distributions.MultivariateNormal(self.offset.double(), covariance)
        found: Tensor = exact.log_prob(x.double())
        return found

    def draw(self, n: int, seed: int = 0) -> Tensor:
        """Data of the model itself, (n, d_x)."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(n, self.weight.shape[1], generator=generator)
        return self.likelihood(z).mean + self.std * torch.randn(n, len(self.weight), generator=generator)


def linear_chain(levels: int = 1, wrong: float = 0.0) -> LinearChain:
    """Two numbers a level, five numbers of data."""
    upright, _ = torch.linalg.qr(torch.randn(5, 2, generator=torch.Generator().manual_seed(3)))
    weight = upright * torch.tensor([1.5, 0.7])
    return LinearChain(weight, torch.linspace(-1, 1, 5), 0.4, (0.8, 0.6, 0.9)[: levels - 1], wrong)
