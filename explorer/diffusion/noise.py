"""Random numbers that have an address instead of an order.

The noise of a sample at a step is a function of (seed, stream, step, sample) alone, so a batch of 16
holds exactly the 16 single runs, and stepping back and forward again gives the same numbers. They come
from Philox, a counter-based generator (Salmon et al. 2011), keyed by seed and step and drawn in sample
order. (`torch.randn` of m numbers does not begin with `torch.randn` of n < m, and differs by device.)

Pairs of uniform numbers become normal by Box and Muller's transform (1958), √(−2 log u) (cos 2πv, sin 2πv), in whole
arrays: numpy's own normal numbers, made one at a time, cost three times as much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class Stream(IntEnum):
    """What the noise is for. Streams of one seed are independent."""

    FORWARD = 0
    """ε of x_t = a x_0 + s ε."""
    INITIAL = 1
    """x_T of a reverse run."""
    SAMPLER = 2
    """The fresh noise of a sampler's steps."""
    DATA = 3
    """Draws of x_0 from a distribution."""
    DECISION = 4
    """What a sampler accepts or rejects."""


BLOCK = 16
"""Steps whose noise is made at once: starting a generator costs more than the numbers of a small picture."""

NUMBERS_OF_A_COUNT = 8
"""float32 numbers that Philox makes of one value of its counter."""


@dataclass(frozen=True)
class NoiseSource:
    """Standard normal noise for `n` samples of a `shape`, the first of which has the number `first`.

    seed: 0 ≤ seed < 2⁶⁴. Numbers are made on the CPU in float32 and moved to `device`, so all devices
    agree. `first` > 0 leaves out the samples before it, at no cost.
    """

    seed: int
    n: int
    shape: tuple[int, ...]
    device: torch.device
    first: int = 0
    _blocks: dict[tuple[int, Stream], tuple[Tensor, ...]] = field(default_factory=dict, repr=False, compare=False)
    """The block in use of each stream; forgetting it costs time, never a number."""

    def __call__(self, step: int, stream: Stream = Stream.SAMPLER) -> Tensor:
        """The noise of one step: float32, (n, *shape), not to be changed in place."""
        number, offset = divmod(step, BLOCK)
        block = self._blocks.get((number, stream))
        if block is None:
            block = self._block(number, stream)
            for other in [key for key in self._blocks if key[1] is stream]:
                del self._blocks[other]
            self._blocks[number, stream] = block
        return block[offset]

    def _block(self, number: int, stream: Stream) -> tuple[Tensor, ...]:
        """The noise of BLOCK steps, (n, *shape) each. Sample after sample, so a batch begins with its first ones."""
        philox = np.random.Philox(key=self.seed | number << 64, counter=int(stream) << 192)
        size = math.prod(self.shape)
        philox.advance(self.first * size * BLOCK // NUMBERS_OF_A_COUNT)
        uniform = torch.from_numpy(np.random.Generator(philox).random((self.n, 2, BLOCK // 2 * size), np.float32))
        radius = uniform[:, 0].neg().add_(1.0).log_().mul_(-2.0).sqrt_()
        angle = uniform[:, 1] * (2 * math.pi)
        numbers = torch.stack([radius * angle.cos(), radius.mul_(angle.sin_())], dim=1)
        steps = numbers.view(self.n, BLOCK, size).transpose(0, 1).contiguous()
        return steps.view(BLOCK, self.n, *self.shape).to(self.device).unbind()
