"""Rescaling of a variance-preserving schedule to SNR(T) = 0 (Lin et al. 2024, algorithm 1)."""

from __future__ import annotations

import torch

from explorer.diffusion.schedules.base import DiscreteSchedule


def rescale_zero_terminal_snr(schedule: DiscreteSchedule) -> DiscreteSchedule:
    """Shift and scale √ᾱ_t so that it keeps its value at t = 1 and is 0 at t = T.

    Raises ValueError for a schedule without betas.
    """
    if schedule.betas is None:
        raise ValueError("only variance-preserving schedules can be rescaled to zero terminal SNR")
    roots = schedule.signal_table[1:]
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    alphas_cumprod = torch.cat([torch.ones(1, dtype=torch.float64), roots**2])
    betas = 1 - alphas_cumprod[1:] / alphas_cumprod[:-1]
    return DiscreteSchedule.from_betas(f"{schedule.name}, zero terminal SNR", betas)
