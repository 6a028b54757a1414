"""The variational bound in continuous time (Kingma et al. 2021, §4): as many steps as one likes, so none is left.

    −log p(x_0) ≤ KL(q(x_1|x_0) ‖ N(0, I)) + E[−log p(x_0|x_{0⁺})] + ½ ∫ E‖ε − ε̂(x_u, u)‖² ω'(u) du,   ω = −log SNR

By ω in place of u the last term is ½ ∫ M(ω) dω with M(ω) = E‖ε − ε̂‖²: the schedule is gone but for its ends. It decides
how much a draw of u says of the integral, ½ ω'(u) ‖ε − ε̂‖², and that is what a learned schedule is learned for.

The last factor is as in the paper: p(x_0 | x_{0⁺}) ∝ N(x_{0⁺}; a x_0, s² I) over the 256 values of each number, so that
nothing is learned there. All results are in nats for a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.gaussian import summed
from explorer.diffusion.likelihood.results import Floats
from explorer.diffusion.schedules import VPSDE

REACH = 24
"""Values to each side that count in p(x_0 | x_{0⁺}); where noise reaches further, the decoder is not to be used."""
NODES = 64


def prior_cost(squared: Tensor, d: int, omega: Tensor) -> Tensor:
    """KL(q(x_T|x_0) ‖ N(0, I)). squared: ‖x_0‖², (n,). omega: that of t = T, (). Differentiable by it."""
    noise, log_noise = torch.sigmoid(omega), torch.nn.functional.logsigmoid(omega)
    return 0.5 * (torch.sigmoid(-omega) * squared + d * (noise - 1 - log_noise))


def reconstruction_cost(at_ends: Tensor, d: int, omega: Tensor, levels: int = 256) -> Tensor:
    """E[−log p(x_0|x_{0⁺})] of numbers in [−1, 1] with `levels` values.

    at_ends: how many of a sample's d numbers are −1 or 1, which have neighbours on one side alone, (n,). omega: that
    of 0⁺, (). Differentiable by it. The expectation over ε is a sum over its quantiles.
    """
    u = (torch.arange(NODES, dtype=omega.dtype, device=omega.device) + 0.5) / NODES
    eps = torch.special.ndtri(u)
    # log of Σ_k N(x_{0⁺}; a (x_0 + k δ), s²)/N(x_{0⁺}; a x_0, s²), with the step δ in units of s/a
    step = 2 / (levels - 1) * torch.exp(-omega / 2)
    k = torch.arange(-REACH, REACH + 1, dtype=omega.dtype, device=omega.device)
    exponents = -0.5 * (step * k) ** 2 + (step * k) * eps[:, None]
    inside = torch.logsumexp(exponents, 1).mean()
    outside = torch.logsumexp(exponents[:, REACH:], 1).mean()
    return (d - at_ends) * inside + at_ends * outside


@torch.no_grad()
def noise_error(denoiser: Denoiser, x_0: Tensor, eps: Tensor, t: float, condition: Condition = None) -> Tensor:
    """‖ε − ε̂(x_t, t)‖² of each sample, float64 (n,). x_0, eps: (n, …)."""
    schedule = denoiser.schedule
    x_t = schedule.signal(t) * x_0 + schedule.noise(t) * eps
    return summed((eps - denoiser(x_t, t, condition).eps).square())


def count_ends(x_0: Tensor) -> Tensor:
    """How many numbers of each sample are −1 or 1, float64 (n,)."""
    return summed((x_0.abs() >= 1 - 1e-6).to(x_0.dtype))


def bits(nats: float, d: int) -> float:
    """Bits per dimension."""
    return nats / (d * math.log(2))


@dataclass(frozen=True, eq=False)
class LevelErrors:
    """What a denoiser gets wrong at some noise levels. omega: rising, (k,). mean, square: the averages of ‖ε − ε̂‖² and
    of its square over samples and noise, (k,). All float64."""

    omega: Floats
    mean: Floats
    square: Floats

    @property
    def cost(self) -> float:
        """½ ∫ M(ω) dω, the bound's diffusion term in nats: the same for every schedule between these ends."""
        return float(np.trapezoid(self.mean, self.omega)) / 2


@dataclass(frozen=True, eq=False)
class LossCurve:
    """The loss ℓ(u) = ½ ω'(u) ‖ε − ε̂‖² on a schedule. u: (m,) in 0 … 1. mean, std: of ℓ at u, in nats.

    variance: of one draw of ℓ with u drawn as well, nats². total: E[ℓ], which does not depend on the schedule.
    """

    u: Floats
    mean: Floats
    std: Floats
    variance: float
    total: float


def loss_curve(errors: LevelErrors, omega: Callable[[Floats], Floats], points: int = 401) -> LossCurve:
    """Of a schedule that goes from the first of the errors' levels to the last. omega: u → ω, rising, u in 0 … 1."""
    u = np.linspace(0, 1, points)
    levels = omega(u)
    slope = np.gradient(levels, u)
    mean = 0.5 * slope * np.interp(levels, errors.omega, errors.mean)
    square = 0.25 * slope**2 * np.interp(levels, errors.omega, errors.square)
    total = float(np.trapezoid(mean, u))
    variance = max(float(np.trapezoid(square, u)) - total**2, 0.0)
    return LossCurve(u, mean, np.sqrt(np.maximum(square - mean**2, 0)), variance, total)


def linear_omega(first: float, last: float) -> Callable[[Floats], Floats]:
    """The schedule with β linear in u (the VP SDE), that part of it which goes from ω = first to last."""
    schedule = VPSDE(T=1)
    start, end = (schedule.time(math.exp(omega / 2)) for omega in (first, last))

    def omega(u: Floats) -> Floats:
        values: Floats = -schedule.log_snr(torch.from_numpy(start + (end - start) * u)).numpy()
        return values

    return omega


def cosine_omega(first: float, last: float) -> Callable[[Floats], Floats]:
    """a = cos(π u/2), s = sin(π u/2), that part of it which goes from ω = first to last."""
    start, end = (2 / math.pi * math.atan(math.exp(omega / 2)) for omega in (first, last))

    def omega(u: Floats) -> Floats:
        return 2 * np.log(np.tan(math.pi / 2 * (start + (end - start) * u)))

    return omega


def straight_omega(first: float, last: float) -> Callable[[Floats], Floats]:
    """ω linear in u, as a learned schedule begins."""
    return lambda u: first + (last - first) * u


REFERENCES: dict[str, Callable[[float, float], Callable[[Floats], Floats]]] = {
    "linear β": linear_omega,
    "cosine": cosine_omega,
    "linear log SNR": straight_omega,
}
"""Schedules to compare with, by name."""
