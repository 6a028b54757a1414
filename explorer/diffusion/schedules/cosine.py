"""The squared-cosine schedule (Nichol & Dhariwal 2021, eq. 17)."""

from __future__ import annotations

import math

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def cosine(T: int = 1000, offset: float = 0.008, max_beta: float = 0.999) -> DiscreteSchedule:
    """ᾱ_t = f(t)/f(0) with f(t) = cos²((t/T + offset)/(1 + offset) · π/2), each β_t capped at max_beta."""
    times = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    f = torch.cos((times + offset) / (1 + offset) * math.pi / 2) ** 2
    return DiscreteSchedule.from_betas("cosine", (1 - f[1:] / f[:-1]).clamp(max=max_beta))
