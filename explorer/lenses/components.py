"""The directions in which a model's data vary most."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import ref

import torch
from torch import Tensor

from explorer.lenses.drawable import Floats

SAMPLES = 256


@dataclass(frozen=True, eq=False)
class Components:
    """mean: (d,). directions: (k, d), unit vectors at right angles, that of most variance first. float64, CPU."""

    mean: Tensor
    directions: Tensor


_latest: list[tuple[ref[Floats], Components]] = []
"""The data asked about last, with the answer: a slider that is dragged asks at every picture."""


def components(data: Floats) -> Components:
    """Of the first samples of data (n, …), n > 1."""
    if not _latest or _latest[0][0]() is not data:
        x = torch.from_numpy(data[:SAMPLES]).flatten(1).double()
        mean = x.mean(dim=0)
        directions = torch.linalg.svd(x - mean, full_matrices=False).Vh[:2].clone()
        _latest[:] = [(ref(data), Components(mean, directions))]
    return _latest[0][1]
