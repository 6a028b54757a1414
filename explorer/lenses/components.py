"""The direction in which a model's data vary most."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.lenses.drawable import Floats

SAMPLES = 256

_latest: list[tuple[Floats, Tensor]] = []
"""The data asked about last, with the answer: a slider that is dragged asks at every picture."""


def first_component(data: Floats) -> Tensor:
    """Of the first samples of data (n, …): a unit vector (d,), float64 on the CPU."""
    if not _latest or _latest[0][0] is not data:
        x = torch.from_numpy(data[:SAMPLES]).flatten(1).double()
        _latest[:] = [(data, torch.linalg.svd(x - x.mean(dim=0), full_matrices=False).Vh[0])]
    return _latest[0][1]
