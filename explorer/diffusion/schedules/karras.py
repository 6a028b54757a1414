"""The variance-exploding levels of Karras et al. 2022 (EDM), eq. 5: a = 1, σ^(1/ρ) linear in t."""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def karras(T: int = 100, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> DiscreteSchedule:
    """σ rises from sigma_min (t = 1) to sigma_max (t = T), densest at the low end; σ(0) = 0.

    sigma_min, sigma_max: in units of the data. Raises ValueError unless 0 < sigma_min < sigma_max and rho > 0.
    """
    if not (0 < sigma_min < sigma_max and rho > 0):
        raise ValueError(f"0 < sigma_min < sigma_max and rho > 0 must hold, got {sigma_min}, {sigma_max}, {rho}")
    roots = torch.linspace(sigma_min ** (1 / rho), sigma_max ** (1 / rho), T, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    return DiscreteSchedule("karras", torch.ones(T + 1, dtype=torch.float64), torch.cat([zero, roots**rho]))
