"""A schedule that is a list of numbers: the β_t a checkpoint was trained with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.diffusion.schedules.base import DiscreteSchedule


def trained(betas: Tensor | Sequence[float]) -> DiscreteSchedule:
    """The variance-preserving schedule of β_t for t = 1 … T. Raises ValueError unless each lies in [0, 1]."""
    return DiscreteSchedule.from_betas("trained betas", torch.as_tensor(betas, dtype=torch.float64))
