"""Which of the terms t = 2 … T are computed where not all can be: one from each of K blocks of times.

A block of size m lends its one time, drawn uniformly from it, the weight m, so the weighted sum is an unbiased
estimate of the whole. The blocks are narrow at both ends and widen in proportion to the distance from the nearer one:
the terms of (A) fall about as 1/t; those of (B) are large there too, and near T on schedules whose β_t nears 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from explorer.diffusion.noise import NoiseSource, Stream


class Stratum(NamedTuple):
    """One block of times and the one chosen from it."""

    t: int
    first: int
    size: int


def strata(T: int, count: int | None = None, seed: int = 0) -> tuple[Stratum, ...]:
    """The blocks of t = 2 … T in order, `count` of them, or every time by itself (None).

    The choice depends on (T, count, seed) alone. Raises ValueError unless 1 ≤ count ≤ T − 1.
    """
    count = T - 1 if count is None else count
    if not 1 <= count <= T - 1:
        raise ValueError(f"the number of times to compute lies between 1 and T − 1 = {T - 1}, not at {count}")
    normal = NoiseSource(seed, 1, (count,), torch.device("cpu"))(0, Stream.DATA)[0]
    blocks, first = [], 2
    for index, u in enumerate(torch.special.ndtr(normal.double()).tolist()):
        left = count - index
        end = round(_time(T, _place(T, first) + (_place(T, T + 1) - _place(T, first)) / left))
        end = min(max(end, first + 1), T + 1 - (left - 1))
        size = end - first
        blocks.append(Stratum(first + min(math.floor(u * size), size - 1), first, size))
        first = end
    return tuple(blocks)


def _place(T: int, t: float) -> float:
    """The logarithm of the distance from 2 … T + 1's nearer end, counted on from the middle: it rises with t."""
    middle = (T + 3) / 2
    return math.log(t) if t <= middle else 2 * math.log(middle) - math.log(T + 3 - t)


def _time(T: int, place: float) -> float:
    """The t of a place."""
    middle = (T + 3) / 2
    mirrored = 2 * math.log(middle) - place
    return math.exp(place) if place <= math.log(middle) else T + 3 - math.exp(mirrored)
