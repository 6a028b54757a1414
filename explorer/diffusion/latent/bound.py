"""How likely a chain finds its data. For x, and z₁ … z_L drawn up the chain:

    log p(x) ≥ ELBO = E_q[log p(x|z₁)] − Σ_t K_t
    K_t = E_q[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})]      t = 1 … L − 1
    K_L = E_q[KL(q(z_L|z_{L−1}) ‖ N(0, I))]                 the divergence itself, exact for each z_{L−1}

K₁ of a VAE is its KL. Of a chain, K_t for t < L is an expected log ratio, as z_{t+1} knows the z_t that was drawn: it
can be negative, their sum cannot.

The importance-weighted bound (Burda et al. 2016) averages K draws inside the logarithm:

    ELBO ≤ E log (1/K) Σ_k p(x, z^k)/q(z^k|x) ≤ log p(x),  tight as K grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.latent.chain import LatentChain, LevelNoise, Rung, climb
from explorer.diffusion.latent.gaussian import Diagonal
from explorer.diffusion.likelihood.results import Floats

IMPORTANCE_DRAWS = 1_000_000
"""Draws of the importance-weighted bound have the numbers from here on, so they share none with the ELBO's."""


@dataclass(frozen=True, eq=False)
class LatentTerms:
    """The terms of the ELBO in nats. reconstruction: float64 (draws, n). levels: float64 (L, draws, n), K₁ … K_L."""

    reconstruction: Floats
    levels: Floats

    @property
    def total(self) -> Floats:
        """The ELBO of each draw and sample, float64 (draws, n)."""
        total: Floats = self.reconstruction - self.levels.sum(0)
        return total


def latent_terms(chain: LatentChain, x: Tensor, noise: LevelNoise, draws: int = 1) -> LatentTerms:
    """x: (n, *shape), as `observed` gives it."""
    found = [_one_draw(chain, x, climb(chain, x, noise, draw)) for draw in range(draws)]
    reconstruction = torch.stack([reconstruction for reconstruction, _ in found])
    levels = torch.stack([levels for _, levels in found], dim=1)
    return LatentTerms(reconstruction.numpy(), levels.numpy())


def _one_draw(chain: LatentChain, x: Tensor, rungs: list[Rung]) -> tuple[Tensor, Tensor]:
    levels = []
    for rung, above in pairwise(rungs):
        p = chain.decode(above.t, above.z)
        levels.append(rung.distribution.log_density(rung.z) - p.log_density(rung.z))
    top = rungs[-1]
    levels.append(top.distribution.kl(Diagonal.standard(top.z)))
    return chain.likelihood(rungs[0].z).log_prob(x), torch.stack(levels)


def importance_weighted(
    chain: LatentChain, x: Tensor, noise: LevelNoise, draws: int, batch: int = 16
) -> Iterator[Floats]:
    """The bound by 1, 2, … up to `draws` draws, `batch` more each time: float64 (n,) in nats. x: as `latent_terms`."""
    so_far = torch.full((len(x),), -math.inf, dtype=torch.float64)
    for first in range(0, draws, batch):
        weights = [_log_weight(chain, x, noise, draw) for draw in range(first, min(first + batch, draws))]
        so_far = torch.logaddexp(so_far, torch.stack(weights).logsumexp(0))
        found: Floats = np.asarray(so_far - math.log(first + len(weights)))
        yield found


def _log_weight(chain: LatentChain, x: Tensor, noise: LevelNoise, draw: int) -> Tensor:
    """log p(x, z) − log q(z|x) for one draw of all levels, float64 (n,)."""
    rungs = climb(chain, x, noise, IMPORTANCE_DRAWS + draw)
    weight = chain.likelihood(rungs[0].z).log_prob(x)
    for rung, above in pairwise(rungs):
        weight = weight + chain.decode(above.t, above.z).log_density(rung.z)
    top = rungs[-1].z
    weight = weight + Diagonal.standard(top).log_density(top)
    for rung in rungs:
        weight = weight - rung.distribution.log_density(rung.z)
    return weight
