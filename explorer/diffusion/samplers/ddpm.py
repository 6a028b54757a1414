"""Ancestral sampling: draws from p_θ(x_r | x_t) = q(x_r | x_t, x̂₀) (Ho et al. 2020, algorithm 2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from explorer.diffusion.path import Transition, transition
from explorer.diffusion.samplers.base import (
    Descending,
    Sampler,
    Step,
    descent,
    parameter,
    plan_times,
    scaled,
)
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.variance import learned_variance


@dataclass(frozen=True)
class Own:
    """What no other sampler has."""

    variance: str = parameter(
        "beta_tilde",
        "Variance",
        "That of the true posterior given x₀, β̃; that of the forward step, β, an upper bound; or, learned, "
        "the network's own between them, where it has one",
        choices=("beta_tilde", "beta", "learned"),
    )


@dataclass(frozen=True)
class Parameters(Descending, Own):
    """Choices of the DDPM sampler."""


def reverse_step(
    schedule: Schedule, step: Step, r: float, noise: Tensor | None, variance: str = "beta_tilde"
) -> Tensor:
    """x_r = c_x x_t + c_0 x̂₀ + σ z, with z = noise, (n, …); None leaves the noise out.

    Raises ValueError for the variance "learned" of a network that has none.
    """
    q = transition(schedule, step.t, r)
    x = _mean(step, q, schedule.noise(step.t))
    if noise is None:
        return x
    if variance == "learned":
        fraction = step.prediction.variance_fraction
        if fraction is None:
            raise ValueError("this network has not learned a variance: choose beta_tilde (posterior) or beta (forward)")
        return x.add_(noise * learned_variance(schedule, step.t, r, fraction).sqrt())
    return x.add_(noise, alpha=math.sqrt(q.forward_variance if variance == "beta" else q.posterior_variance))


def _mean(step: Step, q: Transition, s: float) -> Tensor:
    """c_x x_t + c_0 x̂₀; from ε̂ itself, where x̂₀ need not be made for it: (x_t − σ² ε̂/s_t)/α, as in algorithm 2."""
    if step.limited_x0 is None and step.prediction.kind == "eps" and q.forward_scale > 0:
        x = step.x.add(step.prediction.output, alpha=-q.forward_variance / s)
        return x.add_(x, alpha=1 / q.forward_scale - 1)
    return scaled(step.x, q.mean_x_t).add_(step.x0, alpha=q.mean_x0)


def update(schedule: Schedule, step: Step, r: float, noise: Callable[[], Tensor], parameters: Parameters) -> Tensor:
    """No noise is added on the way to t = 0."""
    return reverse_step(schedule, step, r, noise() if r > 0 else None, parameters.variance)


SAMPLER = Sampler(
    "ddpm",
    "DDPM (ancestral)",
    "Draws each step from the model's own Gaussian p(x_{t−1} | x_t).",
    Parameters,
    default_steps=1000,
    plan=plan_times,
    sample=descent(update),
)
