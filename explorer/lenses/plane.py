"""The part of the plane that 2-D lenses show, and densities over it."""

from __future__ import annotations

import torch

from explorer.diffusion.mixture import GaussianMixture
from explorer.lenses.base import View, number, numpy32
from explorer.lenses.drawable import Floats

BACKGROUND_CELLS = 96
GRID_CELLS = 40
DEFAULT_HALF_WIDTH = 3.5
"""Holds 99.9 % of a standard normal and the unit-scale toy data, so the view need not move with t."""


def extent(view: View) -> tuple[float, float, float, float]:
    """left, right, bottom, top. Fixed for variance-preserving paths; grows with s(t) where noise explodes."""
    s = number(view.prediction.s)
    half = DEFAULT_HALF_WIDTH if s <= 1 else DEFAULT_HALF_WIDTH * s
    return -half, half, -half, half


def lattice(view: View, cells: int) -> torch.Tensor:
    """The centres of cells × cells squares over the extent, (cells², 2), row by row from the bottom."""
    left, right, bottom, top = extent(view)
    like = view.prediction.x_t
    steps = (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) / cells
    y, x = torch.meshgrid(bottom + (top - bottom) * steps, left + (right - left) * steps, indexing="ij")
    return torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)


def log_density(view: View, truth: GaussianMixture) -> Floats:
    """The exact log p(x_t) over the extent, in nats, (cells, cells), row 0 at the bottom."""
    left, right, bottom, top = extent(view)
    like = view.prediction.x_t
    steps = (torch.arange(BACKGROUND_CELLS, device=like.device, dtype=like.dtype) + 0.5) / BACKGROUND_CELLS
    x, y = left + (right - left) * steps, bottom + (top - bottom) * steps
    return numpy32(truth.log_density_over(x, y, number(view.prediction.a), number(view.prediction.s)))
