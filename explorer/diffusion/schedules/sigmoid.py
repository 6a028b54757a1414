"""Two schedules that are called "sigmoid": one has a sigmoid for β, the other for ᾱ.

`sigmoid` is diffusers' beta_schedule of that name, β rising along a sigmoid (Xu et al. 2022, GeoDiff).
`sigmoid_alpha_bar` is that of Jabri et al. 2022 (and of lucidrains' code), ᾱ falling along one.
"""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule

REACH = 6.0
"""GeoDiff's β covers the sigmoid from −6 to 6, so its ends lie .0025 of the range inside beta_start and beta_end."""


def sigmoid(T: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> DiscreteSchedule:
    """β_t = beta_start + (beta_end − beta_start) sigmoid(z), z rising linearly from −6 (t = 1) to 6 (t = T)."""
    z = torch.linspace(-REACH, REACH, T, dtype=torch.float64)
    return DiscreteSchedule.from_betas("sigmoid", torch.sigmoid(z) * (beta_end - beta_start) + beta_start)


def sigmoid_alpha_bar(
    T: int = 1000, start: float = -3.0, end: float = 3.0, tau: float = 1.0, max_beta: float = 0.999
) -> DiscreteSchedule:
    """ᾱ_t = (σ(end/τ) − σ((start + (end − start) t/T)/τ)) / (σ(end/τ) − σ(start/τ)), each β_t capped at max_beta.

    σ is the logistic sigmoid. Raises ValueError unless start < end and tau > 0.
    """
    if not (start < end and tau > 0):
        raise ValueError(f"start < end and tau > 0 must hold, got {start}, {end}, {tau}")
    z = torch.linspace(start / tau, end / tau, T + 1, dtype=torch.float64)
    f = torch.sigmoid(z[-1]) - torch.sigmoid(z)
    return DiscreteSchedule.from_betas("sigmoid_alpha_bar", (1 - f[1:] / f[:-1]).clamp(max=max_beta))
