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

    seed: 0 ≤ seed < 2⁶⁴, else ValueError. Numbers are made on the CPU in float32 and moved to `device`, so all devices
    agree. `first` > 0 leaves out the samples before it, at no cost.
    """

    seed: int
    n: int
    shape: tuple[int, ...]
    device: torch.device
    first: int = 0
    _blocks: dict[tuple[int, Stream], tuple[Tensor, ...]] = field(default_factory=dict, repr=False, compare=False)
    """The block in use of each stream; forgetting it costs time, never a number."""
    _philox: np.random.Philox = field(default_factory=np.random.Philox, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"the seed lies between 0 and 2⁶⁴ − 1, not at {self.seed}")

    def _go_to(self, number: int, stream: Stream, skipped: int) -> None:
        """Key the generator by seed and block, and have it count from the stream's beginning, or further on."""
        key = np.array([self.seed, number], np.uint64)
        counter = np.array([skipped, 0, 0, stream], np.uint64)
        # A new generator would gather entropy first, for nothing.
        self._philox.state = {
            "bit_generator": "Philox",
            "state": {"counter": counter, "key": key},
            "buffer": np.zeros(4, np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }

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
        self._go_to(number, stream, self.first * size * BLOCK // NUMBERS_OF_A_COUNT)
        pieces = self._philox.random_raw(self.n * size * BLOCK // 2)
        if size % 2:  # else two numbers of 32 bits are moved as one of 64
            pieces = pieces.view(np.int32)
        pieces = np.ascontiguousarray(pieces.reshape(self.n, BLOCK, -1).swapaxes(0, 1))
        # Whole numbers of 32 bits, spread evenly from −1 to 1 but for the ends, which would become infinite. In place
        # from here on: a run keeps its steps, so that memory to write to is what costs most.
        steps = torch.from_numpy(pieces.view(np.int32)).to(torch.float32)
        steps.mul_(NEARLY_1 / 2**31).erfinv_().mul_(math.sqrt(2.0))
        return steps.view(BLOCK, self.n, *self.shape).to(self.device).unbind()
