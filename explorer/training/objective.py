"""What the diffusion recipes minimise: denoising (Ho et al. 2020), and score matching that is not told the noise."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.score_matching import ScoreFunction, explicit, sliced

Objective: TypeAlias = Literal["denoising", "explicit", "sliced"]


def stratified_times(n: int, T: int, generator: torch.Generator, often: Tensor | None = None) -> Tensor:
    """n integer times in 1 … T, one from each of n equal strata, in random order; int64 (n,).

    often: how often each of 1 … T comes up, (T,), in any units; all alike without it.
    """
    strata = torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)
    if often is None:
        return (strata / n * T).long().clamp(max=T - 1) + 1
    up_to = often.double().cumsum(0)
    return torch.searchsorted(up_to / up_to[-1], strata.double() / n, right=True).clamp(max=T - 1) + 1


def some_unlabelled(labels: Tensor, null: int, share: float, generator: torch.Generator) -> Tensor:
    """int64 labels (n,), each with the probability `share` replaced by the null label: so one network learns both of
    the models that classifier-free guidance mixes (Ho & Salimans 2022)."""
    return torch.where(torch.rand(len(labels), generator=generator) < share, null, labels)


def noised(
    schedule: Schedule, x_0: Tensor, t: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x_t = a x_0 + s ε for a batch x_0 (n, …) at times t (n,). Returns (x_t, ε, a, s), a and s of shape (n, 1, …)."""
    shape = (-1,) + (1,) * (x_0.ndim - 1)
    a, s = schedule.signal(t).float().view(shape), schedule.noise(t).float().view(shape)
    eps = torch.randn(x_0.shape, generator=generator)
    return a * x_0 + s * eps, eps, a, s


def target(kind: Kind, x_0: Tensor, eps: Tensor, a: Tensor | float, s: Tensor | float) -> Tensor:
    """What a network of this kind is asked for, of the shape of x_0: x_0, ε, v = a ε − s x_0, or ε − x_0 for "flow".

    Raises ValueError for "score", whose target −ε/s has no bound: ask for s ŝ = −ε in its place.
    """
    match kind:
        case "x0":
            return x_0
        case "eps":
            return eps
        case "v":
            return a * eps - s * x_0
        case "flow":
            return eps - x_0
        case _:
            raise ValueError(f"no target for a network of the kind {kind!r}")


def score_matching_loss(
    score: ScoreFunction, x_t: Tensor, s: Tensor, objective: Objective, generator: torch.Generator
) -> Tensor:
    """Explicit or sliced score matching at x_t (n, d), each sample at its own s (n, 1); ().

    Each level has the weight s²/d, so that the loss is half that of ε-prediction, ½ E‖ε̂ − ε‖²/d, less a constant.
    """
    if objective == "explicit":
        each = explicit(score, x_t, create_graph=True)
    else:
        signs = torch.randint(2, x_t.shape, generator=generator, dtype=x_t.dtype) * 2 - 1
        each = sliced(score, x_t, signs.unsqueeze(0), create_graph=True)
    return (s.squeeze(1).square() * each).mean() / x_t.shape[1]
