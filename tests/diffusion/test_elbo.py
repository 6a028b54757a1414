"""The variational bound against closed forms, in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.datasets.toy import three_components
from explorer.diffusion.likelihood import (
    Elbo,
    ElboSettings,
    Estimate,
    Variance,
    bits_per_dimension,
    elbo,
    estimate,
    picture_decoder,
    points_decoder,
)
from explorer.diffusion.likelihood.gaussian import gaussian_kl, gaussian_log_density
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.path import transition
from explorer.diffusion.schedules import (
    VESDE,
    VPSDE,
    RectifiedFlow,
    Schedule,
    SubVPSDE,
    cosine,
    geometric,
    linear,
)
from tests.diffusion.drawing import drawn

CPU = torch.device("cpu")
STD = 0.7
"""Of the Gaussian data in two dimensions."""


def gaussian() -> GaussianMixture:
    return GaussianMixture(
        torch.ones(1, dtype=torch.float64),
        torch.zeros(1, 2, dtype=torch.float64),
        STD**2 * torch.eye(2, dtype=torch.float64).unsqueeze(0),
    )


def bound(truth: GaussianMixture, schedule: Schedule, x_0: Tensor, settings: ElboSettings, seed: int = 0) -> Elbo:
    noise = NoiseSource(seed, len(x_0), (2,), CPU)
    return elbo(MixtureDenoiser(truth, schedule), x_0, noise, points_decoder(schedule), settings)


def paired(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard error of differences, sample by sample."""
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))


@pytest.mark.parametrize("variance", ["beta_tilde", "beta"])
@pytest.mark.parametrize(
    "schedule",
    [linear(20, 1e-3, 0.4), geometric(20, 0.1, 5.0), VESDE(20), VPSDE(20), SubVPSDE(20), RectifiedFlow(20)],
    ids=lambda schedule: schedule.name,
)
def test_every_term_has_its_closed_form_on_gaussian_data(schedule: Schedule, variance: Variance) -> None:
    """With x_0 ~ N(0, σ² I) all is linear: x̂₀ = g x_t, and x_t has the variance V_t = a² σ² + s²."""
    T, n = schedule.T, 20_000
    found = bound(gaussian(), schedule, drawn(gaussian(), n), ElboSettings(variance))
    matching, consistency = [], []
    for t in range(2, T + 1):
        step = transition(schedule, t, t - 1)
        v = step.forward_variance if variance == "beta" else step.posterior_variance
        a, s = schedule.signal(t), schedule.noise(t)
        V = a * a * STD**2 + s * s
        error = torch.tensor(2 * STD**2 * s * s / V)
        matching.append(float(gaussian_kl(step.mean_x0**2 * error, 2, step.posterior_variance, v)))
        k = step.mean_x_t + step.mean_x0 * a * STD**2 / V  # the mean of p_θ(x_{t−1}|x_t) is k x_t
        V_before = schedule.signal(t - 1) ** 2 * STD**2 + schedule.noise(t - 1) ** 2
        distance = (1 - k * step.forward_scale) ** 2 * V_before + k * k * step.forward_variance
        beta = transition(schedule, t - 1, t - 2).forward_variance
        consistency.append(math.log(v) + distance / v - math.log(beta) - 1)
    for split, expected in ((found.matching, matching), (found.consistency, consistency)):
        assert np.all(np.abs(split.terms.mean - expected) < 4.5 * split.terms.standard_error + 1e-9)
    s_1, V_1 = schedule.noise(1), schedule.signal(1) ** 2 * STD**2 + schedule.noise(1) ** 2
    error = torch.tensor(2 * STD**2 * s_1**2 / V_1)
    reconstruction = float(gaussian_log_density(error, 2, transition(schedule, 1, 0).forward_variance))
    assert found.matching.reconstruction.mean == pytest.approx(reconstruction, abs=0.05)
    assert found.consistency.reconstruction == found.matching.reconstruction


@pytest.fixture(scope="module")
def gaussian_bound() -> tuple[Tensor, Elbo]:
    """T = 1000 steps with the variance β_t, and the samples."""
    x_0 = drawn(gaussian(), 1500)
    return x_0, bound(gaussian(), linear(1000), x_0, ElboSettings("beta"))


def test_the_bound_of_many_steps_is_the_likelihood(gaussian_bound: tuple[Tensor, Elbo]) -> None:
    x_0, found = gaussian_bound
    log_p = gaussian().log_density(x_0).numpy()
    for split in (found.matching, found.consistency):
        gap, error = paired(split.per_sample - log_p)
        assert -0.02 - 3 * error < gap < 3 * error


def test_both_splits_agree_and_the_second_varies_more(gaussian_bound: tuple[Tensor, Elbo]) -> None:
    _, found = gaussian_bound
    difference, error = paired(found.matching.per_sample - found.consistency.per_sample)
    assert abs(difference) < 3 * error
    assert found.consistency.variance > 2 * found.matching.variance
    # Term by term too but near the data, where the bridge leaves little to vary.
    assert np.mean(found.consistency.terms.variance > found.matching.terms.variance) > 0.9


def test_the_ends_of_both_splits(gaussian_bound: tuple[Tensor, Elbo]) -> None:
    """t = 1 is the reconstruction term; the prior term of (B) is not small, x_T given x_{T−1} having variance β_T."""
    x_0, found = gaussian_bound
    assert found.matching.terms.t.tolist() == list(range(2, 1001))
    assert found.consistency.terms.t.tolist() == list(range(1, 1000))
    schedule = linear(1000)
    a2, s2 = schedule.signal(1000) ** 2, schedule.noise(1000) ** 2
    prior = 0.5 * (a2 * x_0.square() + s2 - 1 - math.log(s2)).sum(1).mean()
    assert found.matching.prior.mean == pytest.approx(float(prior), rel=1e-6)
    assert found.matching.prior.mean < 1e-4
    # x_{T−1} has variance 1 all but exactly, so ½ d (β + α − 1 − log β) = −½ d log β_T
    assert found.consistency.prior.mean == pytest.approx(-math.log(0.02), abs=0.15)
    for split in (found.matching, found.consistency):
        parts = split.reconstruction.mean - split.prior.mean - split.terms_sum.mean
        assert split.total.mean == pytest.approx(parts)
        assert split.total.mean == pytest.approx(float(split.per_sample.mean()))


def test_what_texts_write_is_too_large_by_d_each_step(gaussian_bound: tuple[Tensor, Elbo]) -> None:
    _, found = gaussian_bound
    excess = found.as_written - found.consistency.terms.mean
    assert excess[100:] == pytest.approx(np.full(899, 2.0), abs=0.25)
    assert found.as_written.sum() > found.consistency.terms_sum.mean + 1900


@pytest.mark.parametrize("variance", ["beta_tilde", "beta"])
def test_the_mixtures_bound_does_not_exceed_its_likelihood(variance: Variance) -> None:
    truth = three_components().exact(torch.float64)
    x_0 = drawn(truth, 800)
    found = bound(truth, cosine(200), x_0, ElboSettings(variance))
    log_p = truth.log_density(x_0).numpy()
    for split in (found.matching, found.consistency):
        gap, error = paired(split.per_sample - log_p)
        assert -1.5 < gap < 3 * error
    difference, error = paired(found.matching.per_sample - found.consistency.per_sample)
    assert abs(difference) < 3 * error
    assert found.consistency.variance > found.matching.variance


# The estimator


def test_a_batch_holds_the_single_runs_and_a_seed_its_result() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(12)
    x_0 = drawn(truth, 5)
    batch = bound(truth, schedule, x_0, ElboSettings())
    again = bound(truth, schedule, x_0, ElboSettings())
    other = bound(truth, schedule, x_0, ElboSettings(), seed=1)
    alone = elbo(
        MixtureDenoiser(truth, schedule), x_0[3:4], NoiseSource(0, 1, (2,), CPU, first=3), points_decoder(schedule)
    )
    for name in ("matching", "consistency"):
        whole, single = getattr(batch, name), getattr(alone, name)
        assert np.array_equal(whole.per_sample, getattr(again, name).per_sample)
        assert not np.array_equal(whole.per_sample, getattr(other, name).per_sample)
        assert single.per_sample[0] == pytest.approx(whole.per_sample[3], rel=1e-12)
        assert math.isnan(single.total.standard_error)
    assert (alone.samples, alone.draws, alone.dimensions, alone.discretised) == (1, 1, 2, False)


def test_some_of_the_times_estimate_all_of_them() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(200)
    x_0 = drawn(truth, 200)
    whole = bound(truth, schedule, x_0, ElboSettings("beta"))
    some = bound(truth, schedule, x_0, ElboSettings("beta", t_samples=40), seed=2)
    for name in ("matching", "consistency"):
        few, all_terms = getattr(some, name), getattr(whole, name)
        assert len(few.terms.t) == 40
        assert few.terms.weight.sum() == 199
        error = math.hypot(few.total.standard_error, all_terms.total.standard_error)
        assert abs(few.total.mean - all_terms.total.mean) < 3 * error
    assert some.matching.total.standard_error < 0.3
    every = bound(truth, schedule, x_0, ElboSettings("beta", t_samples=199))
    assert np.array_equal(every.matching.per_sample, whole.matching.per_sample)


def test_a_single_sample_has_the_error_of_its_noise() -> None:
    truth = three_components().exact(torch.float64)
    x_0 = drawn(truth, 1)
    few, many = (bound(truth, cosine(8), x_0, ElboSettings(draws=draws)) for draws in (10, 90))
    assert (few.samples, few.draws, many.draws) == (1, 10, 90)
    for name in ("matching", "consistency"):
        short, long = getattr(few, name).total, getattr(many, name).total
        assert 0 < long.standard_error < 1
        assert abs(short.mean - long.mean) < 4 * short.standard_error


def test_draws_of_one_sample_are_not_further_samples() -> None:
    values = np.array([[1.0, 3.0], [3.0, 5.0]])  # (draws, n)
    assert estimate(values) == Estimate(3.0, 1.0)  # of the two means, 2 and 4
    assert estimate(values[:, :1]) == Estimate(2.0, 1.0)


def test_clipping_counts() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(20)
    x_0 = drawn(truth, 50).clamp(-1, 1)
    free = bound(truth, schedule, x_0, ElboSettings())
    clipped = bound(truth, schedule, x_0, ElboSettings(clip_range=(-1.0, 1.0)))
    assert clipped.matching.terms_sum.mean < free.matching.terms_sum.mean


def test_a_condition_reaches_the_model() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(20)
    x_0 = drawn(truth, 100)
    noise, settings = NoiseSource(0, 100, (2,), CPU), ElboSettings("beta")
    denoiser, decoder = MixtureDenoiser(truth, schedule), points_decoder(schedule)
    without = elbo(denoiser, x_0, noise, decoder, settings)
    told = elbo(denoiser, x_0, noise, decoder, settings, truth.responsibilities(x_0).argmax(1))
    assert told.matching.total.mean > without.matching.total.mean


def test_the_bound_of_pictures_is_that_of_bytes() -> None:
    """A model that always says the same picture codes that very picture in few bits."""
    schedule = linear(1000)
    picture = (torch.arange(64).view(1, 1, 8, 8) * 4) / 127.5 - 1
    pictures = picture.double().expand(3, 1, 8, 8)
    point = GaussianMixture(
        torch.ones(1, dtype=torch.float64),
        picture.double().view(1, 64),
        1e-9 * torch.eye(64, dtype=torch.float64).unsqueeze(0),
    )
    noise = NoiseSource(0, 3, (64,), CPU)
    decoder = picture_decoder(schedule)
    assert decoder.variance == transition(schedule, 2, 1).posterior_variance
    found = elbo(MixtureDenoiser(point, schedule), pictures.flatten(1), noise, decoder, ElboSettings(t_samples=50))
    assert found.discretised
    assert 0 < bits_per_dimension(found.matching.total.mean, 64) < 1.5
    assert found.matching.total.mean <= 0


def test_impossible_settings() -> None:
    truth = gaussian()
    x_0 = drawn(truth, 2)
    with pytest.raises(ValueError, match="draw"):
        bound(truth, cosine(10), x_0, ElboSettings(draws=0))
    with pytest.raises(ValueError, match="at least two steps"):
        bound(truth, cosine(1), x_0, ElboSettings())
    with pytest.raises(ValueError, match="between 1"):
        bound(truth, cosine(10), x_0, replace(ElboSettings(), t_samples=10))


def test_the_first_and_second_noise_are_not_the_same() -> None:
    """x_t and x_{t−2} need two independent random variables."""
    noise = NoiseSource(0, 4, (2,), CPU)
    assert not torch.equal(noise(7, Stream.FORWARD), noise(7, Stream.SAMPLER))
