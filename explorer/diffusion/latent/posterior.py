"""What the bound of a VAE leaves out, where z has two numbers and the plane can be summed over:

    log p(x) = log ∫ p(x|z) p(z) dz
    log p(x) − ELBO = KL(q_φ(z|x) ‖ p(z|x)),   p(z|x) = p(x|z) p(z) / p(x)

The sum is over a lattice about the place where the posterior or q have their mass, with a finer one where the posterior
lies on a ridge. Of densities that fall to nothing at its edge it is as exact as it is finer than they are narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from explorer.diffusion.latent.chain import LatentChain
from explorer.diffusion.latent.gaussian import Diagonal

REACH = 5.0
"""Of the lattice that looks where the posterior is: N(0, I) has nothing to speak of beyond."""
FIRST, SIDE = 49, 65
"""Cells along an edge of the lattice that looks where it is, and of the one that is summed over."""
FALL = 14.0
"""Nats below its peak down to which the posterior is within the second lattice."""
SIGMAS = 5.0
"""Of q that are within it."""
SMOOTH, FEW, PARTS = 1.0, 400, 5
"""A posterior on a ridge is narrower than a cell. Where it falls by more than SMOOTH nats from the highest cell to one
beside it, the FEW heaviest cells and those beside them are cut into PARTS × PARTS and summed over by themselves."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """On a lattice of cells. u, v: (columns,), (rows,), their middles. log_p, log_q: log p(z|x) and log q_φ(z|x),
    float64 (rows, columns). evidence: log p(x), elbo: of q, nats. q: q_φ(z|x), of one row."""

    u: Tensor
    v: Tensor
    log_p: Tensor
    log_q: Tensor
    evidence: float
    elbo: float
    q: Diagonal

    @property
    def gap(self) -> float:
        """KL(q_φ(z|x) ‖ p(z|x)) = log p(x) − ELBO, nats."""
        return self.evidence - self.elbo


def plane_posterior(chain: LatentChain, x: Tensor) -> Posterior:
    """Of one picture x (1, *shape), as `observed` gives it, and a chain of one level of two numbers.

    Raises ValueError for a chain that is not.
    """
    if chain.sizes != (2,):
        raise ValueError("the posterior is summed up over a plane: it takes one level of two latent numbers")
    q = chain.encode(1, x)
    mean, log_std = (value[0].double().cpu() for value in (q.mean, q.log_std))
    (left, bottom), width = _window(chain, x, mean, log_std.exp())
    middles = (torch.arange(SIDE, dtype=torch.float64) + 0.5) * (width / SIDE)
    u, v = left + middles, bottom + middles
    places = torch.cartesian_prod(v, u).flip(1)
    joint = _log_joint(chain, x, places)
    log_q = Diagonal(mean.expand_as(places), log_std.expand_as(places)).log_density(places)
    # The mean over each cell, which is what all of them add up to.
    means = _with_parts(chain, x, places, joint, width / SIDE)
    evidence = float(means.logsumexp(0)) + 2 * math.log(width / SIDE)
    elbo = float((torch.softmax(log_q, 0) * (joint - log_q)).sum())
    log_p, log_q = ((values.view(SIDE, SIDE)) for values in (means - evidence, log_q))
    return Posterior(u, v, log_p, log_q, evidence, elbo, q)


def _window(chain: LatentChain, x: Tensor, mean: Tensor, std: Tensor) -> tuple[tuple[float, float], float]:
    """The lower left corner and the edge of a square that holds the posterior and q."""
    cell = 2 * REACH / FIRST
    middles = -REACH + (torch.arange(FIRST, dtype=torch.float64) + 0.5) * cell
    places = torch.cartesian_prod(middles, middles).flip(1)
    joint = _log_joint(chain, x, places)
    there = places[joint > joint.max() - FALL]
    low = torch.minimum(there.amin(0) - cell, mean - SIGMAS * std)
    high = torch.maximum(there.amax(0) + cell, mean + SIGMAS * std)
    width = float((high - low).max())
    left, bottom = ((low + high) / 2 - width / 2).tolist()
    return (left, bottom), width


def _with_parts(chain: LatentChain, x: Tensor, places: Tensor, joint: Tensor, cell: float) -> Tensor:
    """log of the mean density in every cell, (n,): of the heaviest, where they are few, by a lattice of their own."""
    around = joint.view(1, SIDE, SIDE)
    lowest = -max_pool2d(-around, 3, stride=1, padding=1).flatten()
    if lowest[joint.argmax()] > joint.max() - SMOOTH:
        return joint
    heavy = max_pool2d(around, 3, stride=1, padding=1).flatten().topk(FEW).indices
    offsets = ((torch.arange(PARTS, dtype=torch.float64) + 0.5) / PARTS - 0.5) * cell
    shifts = torch.cartesian_prod(offsets, offsets)
    parts = _log_joint(chain, x, (places[heavy].unsqueeze(1) + shifts).flatten(0, 1)).view(len(heavy), -1)
    means = joint.clone()
    means[heavy] = parts.logsumexp(1) - 2 * math.log(PARTS)
    return means


def _log_joint(chain: LatentChain, x: Tensor, places: Tensor) -> Tensor:
    """log p(x|z) p(z) in nats at places (n, 2), float64 (n,)."""
    z = places.to(x)
    return chain.likelihood(z).log_prob(x) + Diagonal.standard(z).log_density(z)
