"""What a chain of latent variables is, and the ways up and down it.

    x = z₀ → z₁ → … → z_L     up, by the encoder        q(z_t | z_{t−1})
    x ← z₁ ← … ← z_L          down, by the decoder      p(z_{t−1} | z_t),  z_L ~ N(0, I)

With L = 1 it is a VAE. A diffusion model is such a chain too: its levels have the size of the data, and its encoder
is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from explorer.diffusion.latent.gaussian import Diagonal, Likelihood
from explorer.diffusion.noise import BLOCK, NoiseSource, Stream


class LatentChain(Protocol):
    """L levels of latent variables, numbered 1 (next to the data) … L."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers z₁ … z_L have."""
        ...

    def observed(self, x: Tensor) -> Tensor:
        """What of a picture the model is of, e.g. its pixels made black and white. x, result: (n, *shape)."""
        ...

    def encode(self, t: int, below: Tensor) -> Diagonal:
        """q(z_t | z_{t−1}), t = 1 … L. below: z_{t−1}, which for t = 1 is x."""
        ...

    def decode(self, t: int, z: Tensor) -> Diagonal:
        """p(z_{t−1} | z_t), t = 2 … L. z: z_t, (n, d_t)."""
        ...

    def likelihood(self, z: Tensor) -> Likelihood:
        """p(x | z₁). z: (n, d_1)."""
        ...


@dataclass(frozen=True)
class LevelNoise:
    """Standard normal numbers with an address: (seed, sample, level, draw), so that a level can be drawn anew without
    another changing, and a batch holds exactly its single samples."""

    seed: int
    n: int
    sizes: tuple[int, ...]
    device: torch.device
    first: int = 0
    _sources: dict[int, NoiseSource] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, t: int, stream: Stream, draw: int = 0) -> Tensor:
        """ε of level t = 1 … L, (n, d_t). draw: which of several independent ones."""
        if t not in self._sources:
            self._sources[t] = NoiseSource(self.seed, self.n, (self.sizes[t - 1],), self.device, self.first)
        # Levels have different sizes: in blocks of their own, none repeats the numbers of another.
        block, place = divmod(draw, BLOCK)
        return self._sources[t](BLOCK * (block * (len(self.sizes) + 1) + t) + place, stream)


@dataclass(frozen=True, eq=False)
class Rung:
    """One level on the way: z_t, and the distribution that it was drawn from."""

    t: int
    z: Tensor
    distribution: Diagonal


def climb(chain: LatentChain, x: Tensor, noise: LevelNoise, draw: int = 0, to: int | None = None) -> list[Rung]:
    """z₁ … z_L (or up to `to`), each z_t ~ q(z_t | z_{t−1}). x: (n, *shape), as `observed` gives it."""
    rungs, below = [], x
    for t in range(1, (len(chain.sizes) if to is None else to) + 1):
        q = chain.encode(t, below)
        below = q.at(noise(t, Stream.FORWARD, draw))
        rungs.append(Rung(t, below, q))
    return rungs


def descend(
    chain: LatentChain, t: int, z: Tensor, noise: LevelNoise, draw: int = 0, temperature: float = 1.0
) -> Iterator[Rung]:
    """z_{t−1} … z₁ below a given z_t, each z_s ~ p(z_s | z_{s+1}). temperature: a factor on every σ."""
    for s in range(t - 1, 0, -1):
        p = chain.decode(s + 1, z)
        z = p.at(temperature * noise(s, Stream.SAMPLER, draw))
        yield Rung(s, z, p)


def mean_decoding(chain: LatentChain, t: int, z: Tensor) -> Tensor:
    """The picture that z_t leads to when every level below takes its mean, and p(x | z₁) too. (n, *shape)."""
    for s in range(t, 1, -1):
        z = chain.decode(s, z).mean
    return chain.likelihood(z).mean
