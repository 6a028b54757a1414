"""The Laplace schedule as diffusers has it (after Hang et al. 2024, "Improved Noise Schedule for Diffusion Training").

log SNR is the quantile function of a Laplace distribution, so most times lie near SNR = 1. diffusers takes √ᾱ
for ᾱ; models were trained with that, so it is kept here.
"""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def laplace(T: int = 1000, scale: float = 0.5, max_beta: float = 0.999) -> DiscreteSchedule:
    """β_t = 1 − f(t/T)/f((t − 1)/T), capped at max_beta, with f² = sigmoid(λ) and
    λ(u) = −scale · sign(½ − u) · log(1 − 2 |½ − u| + 10⁻⁶).

    scale: the b of the Laplace distribution, > 0; raises ValueError otherwise.
    """
    if not scale > 0:
        raise ValueError(f"the scale of the Laplace schedule must be positive, got {scale}")
    u = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    # copysign, unlike sign, does not put the middle out of line: log(1 + 10⁻⁶) is not 0.
    log_snr = -scale * torch.log(1 - 2 * (0.5 - u).abs() + 1e-6) * torch.copysign(torch.ones_like(u), 0.5 - u)
    f = torch.sigmoid(log_snr).sqrt()
    return DiscreteSchedule.from_betas("laplace", (1 - f[1:] / f[:-1]).clamp(max=max_beta))
