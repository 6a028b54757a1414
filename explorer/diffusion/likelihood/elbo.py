"""The variational bound of a model of T steps, written in two ways.

(A)  E[log p(x_0|x_1)] − KL(q(x_T|x_0) ‖ p(x_T)) − Σ_{t=2..T} E KL(q(x_{t−1}|x_t,x_0) ‖ p_θ(x_{t−1}|x_t))
(B)  E[log p(x_0|x_1)] − E KL(q(x_T|x_{T−1}) ‖ p(x_T)) − Σ_{t=1..T−1} E[log q(x_t|x_{t−1}) − log p_θ(x_t|x_{t+1})]

with p_θ(x_{t−1}|x_t) = N(c_x x_t + c_0 x̂₀(x_t), v I) and v = β̃_t or β_t. The totals have the same expectation,
the single terms do not: a term of (A) needs x_t alone, one of (B) x_{t−1} and x_{t+1}.

The expectation in (B) is over q(x_{t−1}, x_t, x_{t+1}|x_0), in which x_t depends on x_{t+1} too. Given its two
neighbours it is the bridge N(m, b I) with 1/b = 1/β_t + α_{t+1}/β_{t+1}, so it is averaged out in closed form:

    ½ [d log(v/β_t) + (d b + ‖m − μ_θ‖²)/v − (d b + ‖m − √α_t x_{t−1}‖²)/β_t]

Texts write that average as KL(q(x_t|x_{t−1}) ‖ p_θ(x_t|x_{t+1})), which draws x_t from q(x_t|x_{t−1}) as if x_{t+1}
were not known. Summed, that is no bound on log p(x_0) that (A) would equal: each term is too large by about d nats.
It is reported as `as_written`.

A model of continuous time is the chain of its whole times 0 … T, on any Gaussian path. As T grows (A) becomes
the bound of Kingma et al. 2021 in continuous time, ½ ∫ E‖x_0 − x̂_0‖² d(−SNR) in place of the sum.

Noise is addressed by (t, draw, sample); both splits share the x_t and the one call of the denoiser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.gaussian import (
    Decoder,
    DiscretisedDecoder,
    GaussianDecoder,
    gaussian_kl,
    summed,
)
from explorer.diffusion.likelihood.results import Elbo, Estimate, Floats, Split, Terms, estimate, variance
from explorer.diffusion.likelihood.strata import Stratum, strata
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.path import transition
from explorer.diffusion.schedules import Schedule

Variance: TypeAlias = Literal["beta_tilde", "beta"]


@dataclass(frozen=True)
class ElboSettings:
    """variance: of p_θ, β̃_t or β_t. draws: of the noise for each sample. t_samples: how many of the T − 1 terms are
    computed (see strata.py), None for all. clip_range: limits of x̂₀, as Ho et al. 2020 evaluate pictures."""

    variance: Variance = "beta_tilde"
    draws: int = 1
    t_samples: int | None = None
    clip_range: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Ends:
    """The terms outside the sum, (draws, n) each. The prior of (A) needs no noise; that of (B) needs x_{T−1}."""

    reconstruction: Floats
    prior_matching: Floats
    prior_consistency: Floats


@dataclass(frozen=True, eq=False)
class Sampled:
    """What one call of the denoiser at stratum.t gives, (draws, n) each: (A)'s term of that time and (B)'s of the
    time before, which are about the same p_θ(x_{t−1}|x_t)."""

    stratum: Stratum
    matching: Floats
    consistency: Floats
    as_written: Floats


def points_decoder(schedule: Schedule) -> GaussianDecoder:
    """A Gaussian density with σ₁² = β_1, about the variance of x_0 given x_1 where the data are smooth."""
    return GaussianDecoder(transition(schedule, 1, 0).forward_variance)


def picture_decoder(schedule: Schedule, value_range: tuple[float, float] = (-1.0, 1.0)) -> DiscretisedDecoder:
    """8-bit values with σ₁² = β̃_2, which stands in for β̃_1 = 0 in the programs of Ho et al. 2020."""
    return DiscretisedDecoder(transition(schedule, 2, 1).posterior_variance, *value_range)


def elbo(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    decoder: Decoder,
    settings: ElboSettings | None = None,
    condition: Condition = None,
) -> Elbo:
    """Both splits of the bound at the data x_0 (n, …), each averaged over samples and draws.

    noise: of x_0's number, shape and device; the result is a function of its seed. Raises ValueError for T < 2,
    and for numbers of draws and times that are impossible.
    """
    settings = settings or ElboSettings()
    ends = elbo_ends(denoiser, x_0, noise, decoder, settings, condition)
    return collect(ends, elbo_terms(denoiser, x_0, noise, settings, condition), x_0[0].numel(), decoder)


@torch.no_grad()
def elbo_ends(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    decoder: Decoder,
    settings: ElboSettings,
    condition: Condition = None,
) -> Ends:
    """The reconstruction and prior terms. Arguments and errors as of `elbo`."""
    schedule, d = denoiser.schedule, x_0[0].numel()
    T = schedule.T
    if T < 2:
        raise ValueError("the bound is that of a model with at least two steps")
    if settings.draws < 1:
        raise ValueError(f"at least one draw of the noise is needed, not {settings.draws}")
    prior_variance = schedule.prior_std(T) ** 2
    a, s = schedule.signal(T), schedule.noise(T)
    prior_matching = gaussian_kl(summed((a * x_0).square()), d, s * s, prior_variance)
    last = transition(schedule, T, T - 1)
    reconstructions, priors = [], []
    for draw in range(settings.draws):
        x_1 = _noised(schedule, x_0, noise, 1, draw)
        reconstructions.append(decoder(x_0, _x0(denoiser, x_1, 1, condition, settings)))
        squared = summed((last.forward_scale * _noised(schedule, x_0, noise, T - 1, draw)).square())
        priors.append(gaussian_kl(squared, d, last.forward_variance, prior_variance))
    return Ends(_stacked(reconstructions), _stacked([prior_matching] * settings.draws), _stacked(priors))


@torch.no_grad()
def elbo_terms(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    settings: ElboSettings,
    condition: Condition = None,
    blocks: Iterable[Stratum] | None = None,
) -> Iterator[Sampled]:
    """The terms, one time after the other: those of the blocks in their order, or all with t ascending.

    Arguments and errors as of `elbo`. A term depends on its own time alone, so the order changes no number.
    """
    if blocks is None:
        blocks = strata(denoiser.schedule.T, settings.t_samples, noise.seed)
    for stratum in blocks:
        draws = [_term(denoiser, x_0, noise, settings, condition, stratum.t, draw) for draw in range(settings.draws)]
        matching, consistency, as_written = (_stacked(list(values)) for values in zip(*draws, strict=True))
        yield Sampled(stratum, matching, consistency, as_written)


def collect(ends: Ends, terms: Iterable[Sampled], dimensions: int, decoder: Decoder) -> Elbo:
    """The bound from its parts, which may come in any order. dimensions: numbers in a sample."""
    sampled = sorted(terms, key=lambda one: one.stratum.t)
    blocks = [one.stratum for one in sampled]
    draws, n = ends.reconstruction.shape
    matching = _split(ends.reconstruction, ends.prior_matching, blocks, [one.matching for one in sampled], 0)
    consistency = _split(ends.reconstruction, ends.prior_consistency, blocks, [one.consistency for one in sampled], -1)
    priors = ends.prior_matching - ends.prior_consistency
    apart = [one.matching - one.consistency for one in sampled]
    difference = _split(np.zeros_like(priors), priors, blocks, apart, 0)
    return Elbo(
        matching,
        consistency,
        difference.total,
        np.array([one.as_written.mean() for one in sampled]),
        n,
        draws,
        dimensions,
        isinstance(decoder, DiscretisedDecoder),
    )


def curves(terms: Iterable[Sampled]) -> tuple[Terms, Terms]:
    """What is known of the terms of (A) and of (B), which may be some of them, in any order."""
    sampled = sorted(terms, key=lambda one: one.stratum.t)
    blocks = [one.stratum for one in sampled]
    return (
        _curve(blocks, [one.matching for one in sampled], 0),
        _curve(blocks, [one.consistency for one in sampled], -1),
    )


def _term(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    settings: ElboSettings,
    condition: Condition,
    t: int,
    draw: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """(A)'s term at t, (B)'s at t − 1, and the latter as texts write it, (n,) each."""
    schedule, d = denoiser.schedule, x_0[0].numel()
    step, before = transition(schedule, t, t - 1), transition(schedule, t - 1, t - 2)
    v = step.forward_variance if settings.variance == "beta" else step.posterior_variance
    x_t = _noised(schedule, x_0, noise, t, draw)
    x0_hat = _x0(denoiser, x_t, t, condition, settings)
    matching = gaussian_kl(summed((step.mean_x0 * (x_0 - x0_hat)).square()), d, step.posterior_variance, v)

    # x_t and x_{t−2} of one path: the latter given the former and x_0.
    two = transition(schedule, t, t - 2)
    x_early = two.mean_x_t * x_t + two.mean_x0 * x_0
    if two.posterior_variance > 0:
        fresh = noise(_address(schedule, t, draw), Stream.SAMPLER).to(x_0.dtype)
        x_early = x_early + math.sqrt(two.posterior_variance) * fresh
    forward_mean, mean = before.forward_scale * x_early, step.mean_x_t * x_t + step.mean_x0 * x0_hat
    beta = before.forward_variance
    together = step.forward_variance + step.forward_scale**2 * beta
    bridge = beta * step.forward_variance / together
    # m − √α x_{t−2}, from the difference that is small rather than as a difference of large numbers
    shift = (beta * step.forward_scale / together) * (x_t - step.forward_scale * forward_mean)
    log_p = d * math.log(v) + (d * bridge + summed((shift + (forward_mean - mean)).square())) / v
    log_q = d * math.log(beta) + (d * bridge + summed(shift.square())) / beta
    as_written = gaussian_kl(summed((forward_mean - mean).square()), d, beta, v)
    return matching, 0.5 * (log_p - log_q), as_written


def _address(schedule: Schedule, t: int, draw: int) -> int:
    return t + draw * (schedule.T + 1)


def _noised(schedule: Schedule, x_0: Tensor, noise: NoiseSource, t: int, draw: int) -> Tensor:
    eps = noise(_address(schedule, t, draw), Stream.FORWARD).to(x_0.dtype)
    return schedule.signal(t) * x_0 + schedule.noise(t) * eps


def _x0(denoiser: Denoiser, x_t: Tensor, t: int, condition: Condition, settings: ElboSettings) -> Tensor:
    x0 = denoiser(x_t, t, condition).x0
    return x0 if settings.clip_range is None else x0.clamp(*settings.clip_range)


def _stacked(draws: list[Tensor]) -> Floats:
    return torch.stack(draws).numpy()


def _split(reconstruction: Floats, prior: Floats, blocks: list[Stratum], terms: list[Floats], offset: int) -> Split:
    """offset: of the terms' own times from those of their blocks."""
    weights = np.array([block.size for block in blocks], np.float64)
    summed_terms = np.tensordot(weights, np.stack(terms), 1)
    totals = reconstruction - prior - summed_terms
    curve = _curve(blocks, terms, offset)
    chosen = _choice_variance(curve)
    return Split(
        estimate(reconstruction),
        estimate(prior),
        _widened(estimate(summed_terms), chosen),
        _widened(estimate(totals), chosen),
        curve,
        totals.mean(0),
        variance(totals),
    )


def _curve(blocks: list[Stratum], terms: list[Floats], offset: int) -> Terms:
    each = [estimate(values) for values in terms]
    return Terms(
        np.array([block.t + offset for block in blocks], np.int64),
        np.array([block.size for block in blocks], np.float64),
        np.array([one.mean for one in each]),
        np.array([one.standard_error for one in each]),
        np.array([variance(values) for values in terms]),
    )


def _choice_variance(terms: Terms) -> float:
    """How much the sum varies with which time each block chose, from the differences of neighbouring blocks.

    A block holds one time, which says nothing of its own spread; neighbours overstate it where the curve is smooth.
    A block of size 1 has no choice.
    """
    if len(terms.t) < 2:
        return 0.0 if float(terms.weight[0]) == 1 else math.nan
    squares = np.diff(terms.mean) ** 2 / 2
    local = np.concatenate([squares[:1], (squares[1:] + squares[:-1]) / 2, squares[-1:]])
    return float(np.sum(terms.weight * (terms.weight - 1) * local))


def _widened(value: Estimate, further_variance: float) -> Estimate:
    return Estimate(value.mean, math.sqrt(value.standard_error**2 + further_variance))
