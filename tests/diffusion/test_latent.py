"""Chains of latent variables against chains whose log p(x) is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explorer.diffusion.latent import (
    BernoulliPicture,
    Diagonal,
    GaussianData,
    LevelNoise,
    climb,
    descend,
    importance_weighted,
    latent_terms,
    mean_decoding,
)
from explorer.diffusion.noise import Stream
from tests.diffusion.linear_chain import LinearChain, linear_chain

CPU = torch.device("cpu")
N = 200


def noise_for(chain: LinearChain, n: int, seed: int = 5, first: int = 0) -> LevelNoise:
    return LevelNoise(seed, n, chain.sizes, CPU, first)


def weighted(chain: LinearChain, x: torch.Tensor, draws: int) -> np.ndarray:
    *_, last = importance_weighted(chain, x, noise_for(chain, len(x)), draws)
    return last


# --- the distributions ---------------------------------------------------------------------------------


def test_densities_and_divergences_are_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_std, other, log_other, z = (torch.randn(4, 3, generator=generator) for _ in range(5))
    q, p = Diagonal(mean, log_std), Diagonal(other, log_other)
    normal = torch.distributions.Normal
    expected = normal(mean.double(), log_std.double().exp()).log_prob(z.double()).sum(1)
    torch.testing.assert_close(q.log_density(z), expected, atol=1e-5, rtol=1e-5)
    kl = torch.distributions.kl_divergence(normal(mean, log_std.exp()), normal(other, log_other.exp()))
    torch.testing.assert_close(q.kl_by_dimension(p), kl, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(q.kl(p), kl.double().sum(1), atol=1e-3, rtol=1e-4)
    assert float(q.kl(q).abs().max()) < 1e-6


def test_the_probabilities_of_a_bernoulli_picture_add_up_to_one_and_have_its_mean() -> None:
    logits = torch.tensor([[[[-3.0, 0.5], [40.0, -0.1]]]])
    likelihood = BernoulliPicture(logits)
    pictures = torch.tensor([[(k >> i) & 1 for i in range(4)] for k in range(16)]).float().view(16, 1, 2, 2)
    log_p = BernoulliPicture(logits.expand(16, 1, 2, 2)).log_prob(pictures)
    assert float(log_p.exp().sum()) == pytest.approx(1)
    assert math.isfinite(float(log_p.min()))
    drawn = (log_p.exp().float().view(16, 1, 1, 1) * pictures).sum(0, keepdim=True)
    torch.testing.assert_close(drawn, likelihood.mean)
    torch.testing.assert_close(likelihood.mean, logits.sigmoid())


def test_gaussian_data_have_the_density_of_torch() -> None:
    mean, x = torch.zeros(2, 1, 2, 2), torch.arange(8.0).view(2, 1, 2, 2) / 4
    expected = torch.distributions.Normal(0.0, 0.3).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(GaussianData(mean, 0.3).log_prob(x), expected.double(), atol=1e-4, rtol=1e-5)


# --- the bound -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_with_the_true_posterior_the_bound_is_log_p(levels: int) -> None:
    chain = linear_chain(levels)
    x = chain.draw(N)
    exact = chain.log_p(x).numpy()
    terms = latent_terms(chain, x, noise_for(chain, N), draws=64)
    assert terms.levels.shape == (levels, 64, N)
    gap = exact - terms.total.mean(0)
    assert abs(gap.mean()) < 4 * gap.std() / math.sqrt(N) + 1e-5
    # Every single importance weight is p(x) itself: no noise is left.
    np.testing.assert_allclose(weighted(chain, x, 3), exact, atol=1e-4)


@pytest.mark.parametrize("levels", [1, 3])
def test_bounds_are_in_order_and_the_weighted_one_is_nearly_exact(levels: int) -> None:
    chain = linear_chain(levels, wrong=0.5)
    x = chain.draw(N)
    exact = chain.log_p(x).numpy()
    elbo = latent_terms(chain, x, noise_for(chain, N), draws=32).total.mean(0)
    few, many = weighted(chain, x, 2), weighted(chain, x, 512)

    def above(one: np.ndarray, other: np.ndarray) -> float:
        """In standard errors of the mean."""
        apart = one - other
        return float(apart.mean() / (apart.std() / math.sqrt(N)))

    assert above(exact, elbo) > 10
    assert above(few, elbo) > 2
    assert above(many, few) > 3
    assert above(exact, many) > -3
    assert (exact - many).mean() == pytest.approx(0, abs=0.05)


def test_the_gap_is_the_divergence_from_the_true_posterior() -> None:
    wrong = 0.5
    chain, right = linear_chain(1, wrong), linear_chain(1)
    x = chain.draw(N)
    divergence = chain.encode(1, x).kl(right.encode(1, x))
    # Of a Gaussian with σ too large by half: ½ (1.5² − 1) − log 1.5 a number.
    assert float(divergence[0]) == pytest.approx(2 * (0.5 * (1.5**2 - 1) - math.log(1.5)), rel=1e-5)
    gap = chain.log_p(x).numpy() - latent_terms(chain, x, noise_for(chain, N), draws=256).total.mean(0)
    assert gap.mean() == pytest.approx(float(divergence.mean()), abs=0.03)


# --- noise with addresses --------------------------------------------------------------------------------


def test_a_batch_holds_its_single_samples_and_levels_are_independent() -> None:
    chain = linear_chain(3)
    x = chain.draw(6)
    all_of_them = climb(chain, x, noise_for(chain, 6))
    alone = climb(chain, x[4:5], noise_for(chain, 1, first=4))
    for one, other in zip(all_of_them, alone, strict=True):
        torch.testing.assert_close(one.z[4:5], other.z)
    sizes = (64, 32)
    noise = LevelNoise(0, 1, sizes, CPU)
    for stream in (Stream.FORWARD, Stream.SAMPLER):
        low, high = noise(1, stream)[0], noise(2, stream)[0]
        # No number of one level is one of the other's, as it would be if they shared a block.
        assert not set(low.tolist()) & set(high.tolist())
        assert not set(low.tolist()) & set(noise(1, stream, draw=1)[0].tolist())


def test_generated_levels_have_the_prior_s_moments() -> None:
    chain = linear_chain(4)
    n = 4_000
    noise = noise_for(chain, n)
    z = noise(4, Stream.INITIAL)
    rungs = list(descend(chain, 4, z, noise))
    assert [rung.t for rung in rungs] == [3, 2, 1]
    for rung in rungs:  # every level of this chain is N(0, I) by itself
        assert float(rung.z.mean().abs()) < 0.05
        assert float(rung.z.std()) == pytest.approx(1, abs=0.04)
    cold = list(descend(chain, 4, z, noise, temperature=0.0))
    torch.testing.assert_close(chain.likelihood(cold[-1].z).mean, mean_decoding(chain, 4, z))
