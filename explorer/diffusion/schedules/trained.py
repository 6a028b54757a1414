"""Schedules that are lists of numbers: the β_t or the σ_t a checkpoint was trained with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.diffusion.schedules.base import DiscreteSchedule


def trained(betas: Tensor | Sequence[float]) -> DiscreteSchedule:
    """The variance-preserving schedule of β_t for t = 1 … T. Raises ValueError unless each lies in [0, 1]."""
    return DiscreteSchedule.from_betas("trained betas", torch.as_tensor(betas, dtype=torch.float64))


def trained_levels(sigmas: Sequence[float]) -> DiscreteSchedule:
    """The variance-exploding schedule of σ_t for t = 1 … T: a = 1, s = σ_t. Raises ValueError unless they rise from a
    positive one."""
    levels = torch.as_tensor(sigmas, dtype=torch.float64)
    if levels.ndim != 1 or not len(levels) or not bool((levels.diff() > 0).all()) or not levels[0] > 0:
        raise ValueError("the noise levels must be positive and rise")
    table = torch.cat([torch.zeros(1, dtype=torch.float64), levels])
    return DiscreteSchedule("trained levels", torch.ones_like(table), table)
