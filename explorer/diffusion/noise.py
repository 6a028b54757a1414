"""Random numbers that have an address instead of an order.

The noise of a sample at a step is a function of (seed, stream, step, sample) alone, so a batch of 16
holds exactly the 16 single runs, and stepping back and forward again gives the same numbers. They come
from Philox, a counter-based generator (Salmon et al. 2011), keyed by seed and step and drawn in sample
order. (`torch.randn` of m numbers does not begin with `torch.randn` of n < m, and differs by device.)

Uniform numbers become normal by the inverse of the distribution function, √2 erfinv(u) for u between −1 and 1, in
whole arrays: numpy's own normal numbers, made one at a time, cost more than twice as much.
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
"""Whole numbers of 32 bits that Philox makes of one value of its counter."""
NEARLY_1 = 1.0 - 2.0**-24
"""The float32 before 1; its normal number is 5.3."""


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
        size = math.prod(self.shape)
        philox = np.random.Philox(key=self.seed | number << 64, counter=int(stream) << 192)
        philox.advance(self.first * size * BLOCK // NUMBERS_OF_A_COUNT)
        words = torch.from_numpy(philox.random_raw(self.n * size * BLOCK // 2).view(np.int32))
        # The whole numbers of 32 bits lie evenly between −1 and 1, the ends of which would become infinite.
        numbers = words.float().mul_(2.0**-31).clamp_(-NEARLY_1, NEARLY_1).erfinv_().mul_(math.sqrt(2.0))
        steps = numbers.view(self.n, BLOCK, size).transpose(0, 1).contiguous()
        return steps.view(BLOCK, self.n, *self.shape).to(self.device).unbind()
