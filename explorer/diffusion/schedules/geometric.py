"""The variance-exploding geometric schedule of NCSN (Song & Ermon 2019): a = 1, s = σ(t)."""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def geometric(T: int = 100, sigma_min: float = 0.02, sigma_max: float = 10.0) -> DiscreteSchedule:
    """σ rises geometrically from sigma_min (t = 1) to sigma_max (t = T); σ(0) = 0.

    sigma_min, sigma_max: in units of the data. Raises ValueError unless 0 < sigma_min < sigma_max.
    """
    if not 0 < sigma_min < sigma_max:
        raise ValueError(f"0 < sigma_min < sigma_max must hold, got {sigma_min}, {sigma_max}")
    steps = torch.linspace(0, 1, T, dtype=torch.float64)
    sigmas = sigma_min * (sigma_max / sigma_min) ** steps
    zero = torch.zeros(1, dtype=torch.float64)
    return DiscreteSchedule("geometric", torch.ones(T + 1, dtype=torch.float64), torch.cat([zero, sigmas]))
