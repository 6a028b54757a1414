"""Learning a score: objectives that need no ∇ log p, and the Fisher divergence where it is known.

With F = E‖s(x) − ∇log p(x)‖² over x ~ p, and C = E‖∇log p(x)‖²:

    explicit   E[tr ∇s + ½‖s‖²]                      = ½F − ½C                      (Hyvärinen 2005)
    sliced     E[vᵀ∇s v + ½‖s‖²],  E[v vᵀ] = I        the same                        (Song et al. 2020, with
                                                                                     the norm averaged exactly)
    denoising  E ½‖s(μ + σε) + ε/σ‖²                 = ½F − ½C + ½ d/σ²             (Vincent 2011)

where for denoising p is the density of x = μ + σε, and d the numbers in a sample. So all of them have one minimum,
the score itself, and differ by constants that a model does not see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.divergence import exact_divergence, hutchinson_divergence

ScoreFunction: TypeAlias = Callable[[Tensor], Tensor]
"""x (n, …) → s(x) (n, …), differentiable; no sample may depend on another."""


def score_at(denoiser: Denoiser, t: float, condition: Condition = None) -> ScoreFunction:
    """What a denoiser says of ∇ log p(x_t) at one level t with s(t) > 0."""
    return lambda x_t: denoiser(x_t, t, condition).score


def explicit(score: ScoreFunction, x: Tensor, create_graph: bool = False) -> Tensor:
    """tr ∇s + ½‖s‖² at each sample of x (n, …), (n,). create_graph: to train with it. Costs as many backward passes
    as a sample has numbers."""
    value, trace = exact_divergence(score, x, create_graph)
    return trace + 0.5 * _squared(value)


def sliced(score: ScoreFunction, x: Tensor, directions: Tensor, create_graph: bool = False) -> Tensor:
    """vᵀ∇s v + ½‖s‖² at each sample of x (n, …), averaged over the directions v (m, n, …) with E[v vᵀ] = I; (n,).
    create_graph: to train with it."""
    value, estimates = hutchinson_divergence(score, x, directions, create_graph)
    return estimates.mean(0) + 0.5 * _squared(value)


def denoising(score: ScoreFunction, mean: Tensor, noise: Tensor, std: float) -> Tensor:
    """½‖s(μ + σε) + ε/σ‖² for each sample, (n,). mean: μ, (n, …); noise: ε, of its shape; std: σ > 0."""
    return 0.5 * _squared(score(mean + std * noise) + noise / std)


def fisher(score: ScoreFunction, exact: ScoreFunction, x: Tensor) -> Tensor:
    """‖s(x) − ∇log p(x)‖² at each sample of x (n, …), (n,); exact: the known ∇ log p."""
    return _squared(score(x) - exact(x))


def _squared(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1)
