"""What the variational bound is made of: divergences, decoders, weights, and blocks of times."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from explorer.datasets.toy import three_components
from explorer.diffusion.likelihood import (
    DiscretisedDecoder,
    GaussianDecoder,
    weight_eps,
    weight_score,
    weight_x0,
)
from explorer.diffusion.likelihood.gaussian import gaussian_kl, gaussian_log_density
from explorer.diffusion.likelihood.strata import strata
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.diffusion.path import transition
from explorer.diffusion.schedules import (
    DiscreteSchedule,
    Schedule,
    cosine,
    geometric,
    linear,
)
from tests.diffusion.drawing import drawn


@pytest.mark.parametrize(("variance_q", "variance_p"), [(0.5, 0.5), (1e-4, 2e-4), (3.0, 0.1)])
def test_the_kl_is_that_of_torch(variance_q: float, variance_p: float) -> None:
    generator = torch.Generator().manual_seed(0)
    mu_q, mu_p = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    q, p = Normal(mu_q, math.sqrt(variance_q)), Normal(mu_p, math.sqrt(variance_p))
    found = gaussian_kl((mu_q - mu_p).square().sum(1), 3, variance_q, variance_p)
    torch.testing.assert_close(found, kl_divergence(q, p).sum(1))
    density = gaussian_log_density((mu_q - mu_p).square().sum(1), 3, variance_p)
    torch.testing.assert_close(density, p.log_prob(mu_q).sum(1))


@pytest.mark.parametrize("mean", [-3.0, -0.999, 0.1234, 1.0, 40.0])
def test_the_masses_of_all_bytes_add_up_to_1(mean: float) -> None:
    decoder = DiscretisedDecoder(0.01**2)
    x_0 = torch.linspace(-1, 1, 256, dtype=torch.float64).unsqueeze(1)
    log_p = decoder(x_0, torch.full_like(x_0, mean))
    assert float(log_p.exp().sum()) == pytest.approx(1)
    assert bool(log_p.isfinite().all())


def test_a_byte_has_the_mass_of_its_interval() -> None:
    decoder = DiscretisedDecoder(0.3**2, 0.0, 255.0)
    x_0, mean = torch.tensor([[[100.0, 101.0]], [[0.0, 255.0]]]), torch.tensor([[[100.2, 100.9]], [[0.1, 254.8]]])
    normal = Normal(mean.double(), 0.3)
    mass = normal.cdf(x_0.double() + 0.5) - normal.cdf(x_0.double() - 0.5)
    mass[1, 0, 0] = normal.cdf(torch.tensor(0.5))[1, 0, 0]
    mass[1, 0, 1] = 1 - normal.cdf(torch.tensor(254.5))[1, 0, 1]
    torch.testing.assert_close(decoder(x_0, mean), mass.log().sum((1, 2)))


@pytest.mark.parametrize("decoder", [GaussianDecoder, DiscretisedDecoder])
@pytest.mark.parametrize("variance", [0.0, -1.0, math.inf])
def test_a_decoder_needs_a_variance(decoder: type[GaussianDecoder], variance: float) -> None:
    with pytest.raises(ValueError, match="σ₁²"):
        decoder(variance)


@pytest.mark.parametrize("schedule", [cosine(50), linear(1000), geometric(30)], ids=lambda schedule: schedule.name)
def test_the_three_weights_give_one_kl(schedule: DiscreteSchedule) -> None:
    truth = three_components().exact(torch.float64)
    x_0, eps = drawn(truth, 20), torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for t in (2, 7, schedule.T // 2, schedule.T - 1):
        a, s = schedule.signal(t), schedule.noise(t)
        said = MixtureDenoiser(truth, schedule)(a * x_0 + s * eps, t)
        step = transition(schedule, t, t - 1)
        error = (x_0 - said.x0).square().sum(1)
        kl = gaussian_kl(step.mean_x0**2 * error, 2, step.posterior_variance, step.posterior_variance)
        # The score's error cancels digits at small s, the weights themselves at neighbouring times.
        torch.testing.assert_close(weight_x0(schedule, t) * error, kl, rtol=1e-6, atol=0)
        torch.testing.assert_close(weight_eps(schedule, t) * (eps - said.eps).square().sum(1), kl, rtol=1e-6, atol=0)
        score_error = (-eps / s - said.score).square().sum(1)
        torch.testing.assert_close(weight_score(schedule, t) * score_error, kl, rtol=1e-6, atol=0)


def test_the_weights_are_those_of_the_sheet() -> None:
    schedule = linear(1000)
    assert schedule.betas is not None
    for t in (2, 500, 1000):
        alpha, alpha_bar = 1 - float(schedule.betas[t - 1]), schedule.signal(t) ** 2
        before = schedule.signal(t - 1) ** 2
        sigma_q2 = (1 - alpha) * (1 - before) / (1 - alpha_bar)
        snr = before / (1 - before) - alpha_bar / (1 - alpha_bar)
        assert weight_x0(schedule, t) == pytest.approx(0.5 * snr)
        expected = (1 - alpha) ** 2 / ((1 - alpha_bar) * alpha) / (2 * sigma_q2)
        assert weight_eps(schedule, t) == pytest.approx(expected)
        assert weight_score(schedule, t) == pytest.approx((1 - alpha) ** 2 / alpha / (2 * sigma_q2))


@pytest.mark.parametrize("weight", [weight_x0, weight_eps, weight_score])
def test_t_1_has_no_weight(weight: Callable[[Schedule, int], float]) -> None:
    for t in (0, 1, 51):
        with pytest.raises(ValueError, match="t = 2"):
            weight(cosine(50), t)


@pytest.mark.parametrize(("T", "count"), [(1000, 1), (1000, 7), (1000, 50), (1000, 999), (2, 1), (10, 9), (100, 60)])
def test_the_blocks_divide_the_times(T: int, count: int) -> None:
    blocks = strata(T, count, seed=3)
    assert len(blocks) == count
    assert [t for block in blocks for t in range(block.first, block.first + block.size)] == list(range(2, T + 1))
    assert all(block.first <= block.t < block.first + block.size for block in blocks)
    assert blocks == strata(T, count, seed=3)


def test_blocks_are_narrow_at_both_ends() -> None:
    """Where β_t nears 1, which is at T on many schedules, a single term of (B) is as large as those of small t."""
    sizes = [block.size for block in strata(1000, 50)]
    assert sizes[:5] == sizes[-5:] == [1] * 5
    assert max(sizes) == max(sizes[20:30])
    assert all(abs(later - earlier) <= 0.35 * max(later, earlier) + 1 for earlier, later in pairwise(sizes))


def test_every_time_of_a_block_is_chosen() -> None:
    chosen = [strata(12, 2, seed)[1] for seed in range(400)]
    counts = np.bincount([block.t - block.first for block in chosen])
    assert len(counts) == chosen[0].size
    expected = 400 / len(counts)
    assert np.abs(counts - expected).max() < 4 * math.sqrt(expected)


@pytest.mark.parametrize("count", [0, 10, -1])
def test_impossible_numbers_of_times(count: int) -> None:
    with pytest.raises(ValueError, match="between 1 and T − 1 = 9"):
        strata(10, count)
