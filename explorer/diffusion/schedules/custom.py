"""A schedule drawn by hand: log-SNR through control points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from explorer.diffusion.schedules.base import DiscreteSchedule
from explorer.monotone_curve import monotone_curve

MAX_LOG_SNR = 80.0
"""Beyond it, float64 knows no 1 − ᾱ."""


def custom(T: int, points: Sequence[tuple[float, float]]) -> DiscreteSchedule:
    """The variance-preserving schedule whose log-SNR λ goes monotonely and smoothly through `points`.

    points: (t, λ), t rising from 1 to T, λ falling: ᾱ = sigmoid(λ). Raises ValueError, one sentence, for others.
    """
    if len(points) < 2 or points[0][0] != 1 or points[-1][0] != T:
        raise ValueError(f"the control points of a schedule must go from t = 1 to t = {T}")
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("the control points of a schedule must be finite numbers")
    if max(abs(point[1]) for point in points) > MAX_LOG_SNR:
        raise ValueError(f"log-SNR must lie between −{MAX_LOG_SNR:g} and {MAX_LOG_SNR:g}")
    times = [point[0] for point in points]
    if not all(t > r for r, t in pairwise(times)):
        raise ValueError("the control points of a schedule must have different times, in their order")
    levels = [point[1] for point in points]
    if not all(r > t for r, t in pairwise(levels)):
        raise ValueError("log-SNR must fall from each control point to the next: noise only grows with t")
    log_snr = torch.from_numpy(monotone_curve(points, np.arange(1, T + 1, dtype=np.float64)))
    return from_log_snr("custom", log_snr)


def from_log_snr(name: str, log_snr: torch.Tensor) -> DiscreteSchedule:
    """The variance-preserving schedule with log-SNR λ_t for t = 1 … T, float64 (T,), falling."""
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    log_alphas_cumprod = torch.cat([zero, torch.nn.functional.logsigmoid(log_snr)])
    noise = torch.cat([zero, torch.sigmoid(-log_snr).sqrt()])
    # In logarithms: near the data 1 − ᾱ_t/ᾱ_{t−1} would lose its digits.
    betas = -torch.expm1(log_alphas_cumprod.diff())
    return DiscreteSchedule(name, torch.cat([one, torch.sigmoid(log_snr).sqrt()]), noise, betas)
