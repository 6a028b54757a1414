"""Data of a known distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture


def drawn(truth: GaussianMixture, n: int) -> Tensor:
    """The same n samples at every call, float64 (n, 2)."""
    generator = torch.Generator().manual_seed(5)
    noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return truth.draw(noise, torch.rand(n, generator=generator))
