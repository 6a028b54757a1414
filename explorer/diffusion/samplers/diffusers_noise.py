"""Random numbers with an address, for schedulers of diffusers that would make their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from explorer.diffusion.noise import NoiseSource

FURTHER = 1 << 32
"""Between the addresses of the first and the second random numbers of one step."""


class AddressedNoise(TorchFunctionMode):
    """Within it, in this thread, torch.randn and randn_like give the numbers of one step of a NoiseSource."""

    def __init__(self, noise: NoiseSource, step: int) -> None:
        super().__init__()
        self.noise, self.step = noise, step

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in (torch.randn, torch.randn_like):
            numbers, self.step = self.noise(self.step), self.step + FURTHER
            return numbers.clone()
        return func(*args, **(kwargs or {}))


@dataclass
class AddressedPath:
    """A Brownian path W along σ, for schedulers that take its increments: in place of torchsde's.

    Called with two values of σ it gives (W(end) − W(begin))/√|end − begin|, (n, …), of unit variance. A method with two
    looks asks twice from the same σ, first as far as the middle: the second increment then begins with the first, and
    only what lies beyond it is new.
    """

    noise: NoiseSource
    step: int = 0
    """Whose numbers are taken next."""
    _begin: float = field(default=math.nan, init=False)
    _end: float = field(default=math.nan, init=False)
    _increment: Tensor | None = field(default=None, init=False)

    def __call__(self, begin: Any, end: Any) -> Tensor:
        begin, end = float(begin), float(end)
        fresh = self.noise(self.step)
        if self._increment is not None and self._begin == begin and abs(end - begin) > abs(self._end - begin):
            increment = self._increment + math.sqrt(abs(end - self._end)) * fresh
        else:
            increment = math.sqrt(abs(end - begin)) * fresh
        self._begin, self._end, self._increment = begin, end, increment
        return increment / math.sqrt(abs(end - begin))
