"""The denoising objective shared by the diffusion recipes (Ho et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.diffusion.schedules import Schedule


def stratified_times(n: int, T: int, generator: torch.Generator, often: Tensor | None = None) -> Tensor:
    """n integer times in 1 … T, one from each of n equal strata, in random order; int64 (n,).

    often: how often each of 1 … T comes up, (T,), in any units; all alike without it.
    """
    strata = torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)
    if often is None:
        return (strata / n * T).long().clamp(max=T - 1) + 1
    up_to = often.double().cumsum(0)
    return torch.searchsorted(up_to / up_to[-1], strata.double() / n, right=True).clamp(max=T - 1) + 1


def noised(
    schedule: Schedule, x_0: Tensor, t: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x_t = a x_0 + s ε for a batch x_0 (n, …) at times t (n,). Returns (x_t, ε, a, s), a and s of shape (n, 1, …)."""
    shape = (-1,) + (1,) * (x_0.ndim - 1)
    a, s = schedule.signal(t).float().view(shape), schedule.noise(t).float().view(shape)
    eps = torch.randn(x_0.shape, generator=generator)
    return a * x_0 + s * eps, eps, a, s


def target(prediction_type: str, x_0: Tensor, eps: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """What the network is asked for: "epsilon" → ε, "sample" → x_0, "v_prediction" → a ε − s x_0."""
    if prediction_type == "epsilon":
        return eps
    if prediction_type == "sample":
        return x_0
    if prediction_type == "v_prediction":
        return a * eps - s * x_0
    raise ValueError(f"unknown prediction type {prediction_type!r}")
