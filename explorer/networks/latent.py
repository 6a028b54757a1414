"""Chains of latent variables as a network: a VAE with one level, a Markovian HVAE with several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from explorer.diffusion.latent.gaussian import BernoulliPicture, Diagonal

LEAST_LOG_STD, GREATEST_LOG_STD = -7.0, 3.0
"""Where log σ is cut off, so that no level can claim to know its numbers exactly."""


GATE_WIDTH = 64


@dataclass(frozen=True)
class LatentConfig:
    """Sizes. shape: (channels, height, width) of the pictures. levels: how many numbers z₁ … z_L have.

    hidden: width of the networks at the pictures' end; between: of those from one level to the next. classes: the
    decoder first decides between so many classes, 0 for a decoder that does not. top_classes: so does the way down
    from z_L, where there are several levels.
    """

    shape: tuple[int, int, int] = (1, 28, 28)
    levels: tuple[int, ...] = (16,)
    hidden: int = 512
    between: int = 256
    classes: int = 0
    top_classes: int = 0


class LatentNetwork(nn.Module):
    """The Gaussians q(z_t | z_{t−1}) and p(z_{t−1} | z_t), and pixels that are 1 or 0: p(x | z₁) is Bernoulli.

    Each level sees the one next to it alone, so the chain is Markovian both ways. Between levels the mean is a linear
    map of the neighbour and a correction to it, and so begins as a chain that passes on what it is given.

    Where there are classes, the decoder is told softmax(gate(z₁)) beside z₁. It is a function of z₁ like any other, but
    a steep one: between the regions of two classes lies a border in place of ghosts of both. A gate of z_L lets the top
    decide what is drawn, and leaves to the levels below how.
    """

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.config = config
        channels, height, width = config.shape
        pixels, sizes = channels * height * width, config.levels
        pairs = list(pairwise(sizes))
        self.encoder = _layers(pixels, config.hidden, 2 * sizes[0])
        self.decoder = _layers(sizes[0] + config.classes, config.hidden, pixels)
        self.gate = _layers(sizes[0], GATE_WIDTH, config.classes) if config.classes else None
        self.up = nn.ModuleList([_Step(below, config.between, above) for below, above in pairs])
        self.down = nn.ModuleList([_Step(above, config.between, below) for below, above in pairs])
        self.top_gate: nn.Sequential | None = None
        if config.top_classes and pairs:
            self.top_gate = _layers(sizes[-1], GATE_WIDTH, config.top_classes)
            self.down[-1] = _Step(sizes[-1] + config.top_classes, config.between, sizes[-2])

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers z₁ … z_L have."""
        return self.config.levels

    def observed(self, x: Tensor) -> Tensor:
        """Every pixel of x in [0, 1] made 0 or 1, the nearer of the two."""
        return (x > 0.5).to(x.dtype)

    def encode(self, t: int, below: Tensor) -> Diagonal:
        """q(z_t | z_{t−1}). below: for t = 1 pictures (n, *shape), else (n, d_{t−1})."""
        return _gaussian(self.encoder(below.flatten(1)) if t == 1 else self.up[t - 2](below))

    def decode(self, t: int, z: Tensor) -> Diagonal:
        """p(z_{t−1} | z_t), t ≥ 2. z: (n, d_t)."""
        return _gaussian(self.down[t - 2](_told(z, self.top_gate if t == len(self.sizes) else None)))

    def likelihood(self, z: Tensor) -> BernoulliPicture:
        """p(x | z₁). z: (n, d_1)."""
        return BernoulliPicture(self.decoder(_told(z, self.gate)).unflatten(1, self.config.shape))


def _told(z: Tensor, gate: nn.Module | None) -> Tensor:
    """z with what its gate decides beside it."""
    return z if gate is None else torch.cat([z, gate(z).softmax(1)], dim=1)


class _Step(nn.Module):
    """From one level to its neighbour: (n, inputs) → (n, 2 × outputs), means and then log σ."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.straight = nn.Linear(inputs, 2 * outputs)
        self.bent = _layers(inputs, hidden, 2 * outputs)

    def forward(self, z: Tensor) -> Tensor:
        output: Tensor = self.straight(z) + self.bent(z)
        return output


def _layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
    )


def _gaussian(output: Tensor) -> Diagonal:
    mean, log_std = output.chunk(2, dim=1)
    return Diagonal(mean, log_std.clamp(LEAST_LOG_STD, GREATEST_LOG_STD))
