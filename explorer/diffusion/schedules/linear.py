"""Linear β (Ho et al. 2020) and "scaled linear" β, linear in √β (Rombach et al. 2022)."""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def linear(T: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> DiscreteSchedule:
    """β_t rises linearly from beta_start (t = 1) to beta_end (t = T)."""
    return DiscreteSchedule.from_betas("linear", torch.linspace(beta_start, beta_end, T, dtype=torch.float64))


def scaled_linear(T: int = 1000, beta_start: float = 0.00085, beta_end: float = 0.012) -> DiscreteSchedule:
    """√β_t rises linearly from √beta_start (t = 1) to √beta_end (t = T)."""
    roots = torch.linspace(beta_start**0.5, beta_end**0.5, T, dtype=torch.float64)
    return DiscreteSchedule.from_betas("scaled_linear", roots**2)
