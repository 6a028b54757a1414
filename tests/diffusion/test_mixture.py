"""The exact mixture against torch.distributions and automatic differentiation, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from explorer.diffusion.denoiser import NO_LABEL
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.schedules import cosine

PATHS = [(1.0, 0.0), (0.9, 0.43), (0.05, 0.999), (1.0, 4.0)]


def random_mixture(k: int, d: int, seed: int = 0) -> GaussianMixture:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(k, generator=generator, dtype=torch.float64) + 0.1
    means = torch.randn(k, d, generator=generator, dtype=torch.float64) * 2
    roots = torch.randn(k, d, d, generator=generator, dtype=torch.float64) * 0.5
    covariances = roots @ roots.mT + 0.1 * torch.eye(d, dtype=torch.float64)
    return GaussianMixture(weights / weights.sum(), means, covariances)


def reference(mixture: GaussianMixture, a: float, s: float) -> MixtureSameFamily:
    eye = torch.eye(mixture.means.shape[1], dtype=mixture.means.dtype)
    normals = MultivariateNormal(a * mixture.means, a**2 * mixture.covariances + s**2 * eye)
    return MixtureSameFamily(Categorical(mixture.weights), normals)


def log_prob(mixture: GaussianMixture, x: Tensor, a: float, s: float) -> Tensor:
    density: Tensor = reference(mixture, a, s).log_prob(x)
    return density


def somewhere(n: int, d: int) -> Tensor:
    return 2 * torch.randn(n, d, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


@pytest.mark.parametrize(("a", "s"), PATHS)
@pytest.mark.parametrize(("k", "d"), [(3, 2), (1, 2), (4, 5)])
def test_density_and_score(k: int, d: int, a: float, s: float) -> None:
    mixture, x = random_mixture(k, d), somewhere(50, d)
    torch.testing.assert_close(mixture.log_density(x, a, s), log_prob(mixture, x, a, s))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_prob(mixture, leaf, a, s).sum(), leaf)
    torch.testing.assert_close(mixture.score(x, a, s), gradient)


@pytest.mark.parametrize(("a", "s"), PATHS)
def test_conditional_scores_and_responsibilities(a: float, s: float) -> None:
    mixture, x = random_mixture(3, 2), somewhere(60, 2)
    normals = reference(mixture, a, s).component_distribution
    components = torch.arange(60) % 3
    leaf = x.clone().requires_grad_()
    each = normals.log_prob(leaf.unsqueeze(1))
    (gradient,) = torch.autograd.grad(each.gather(1, components.unsqueeze(1)).sum(), leaf)
    torch.testing.assert_close(mixture.score(x, a, s, components), gradient)
    joint = mixture.weights * each.detach().exp()
    found = mixture.responsibilities(x, a, s)
    torch.testing.assert_close(found, joint / joint.sum(1, keepdim=True))
    torch.testing.assert_close(found.sum(1), torch.ones(60, dtype=torch.float64))
    # Bayes: the responsibilities are the weights with which the components' scores make the whole one.
    scores = torch.stack([mixture.score(x, a, s, torch.full((60,), k)) for k in range(3)], dim=1)
    torch.testing.assert_close((found.unsqueeze(2) * scores).sum(1), mixture.score(x, a, s))


def test_no_label_means_the_whole_mixture() -> None:
    mixture, x = random_mixture(3, 2), somewhere(4, 2)
    components = torch.tensor([0, NO_LABEL, 2, NO_LABEL])
    for of in (mixture.score, mixture.log_density):
        found = of(x, 0.9, 0.4, components)
        torch.testing.assert_close(found[1::2], of(x, 0.9, 0.4)[1::2])
        torch.testing.assert_close(found[::2], of(x[::2], 0.9, 0.4, components[::2]))


def test_far_away_nothing_overflows() -> None:
    mixture = random_mixture(3, 2)
    x = torch.tensor([[1e4, -1e4], [0.0, 1e6]], dtype=torch.float64)
    for values in (mixture.log_density(x), mixture.score(x), mixture.responsibilities(x)):
        assert bool(values.isfinite().all())


def test_draws_have_the_mixtures_moments() -> None:
    n = 200_000
    mixture = random_mixture(3, 2)
    generator = torch.Generator().manual_seed(1)
    noise, uniform = torch.randn(n, 2, generator=generator), torch.rand(n, generator=generator)
    x, k = mixture.draw(noise.double(), uniform), mixture.components(uniform)
    for component, weight in enumerate(mixture.weights.tolist()):
        chosen = x[k == component]
        m = len(chosen)
        assert abs(m / n - weight) < 5 * (weight * (1 - weight) / n) ** 0.5
        covariance = mixture.covariances[component]
        # Five standard errors: Var of a mean is Σ/m, of an entry of the sample covariance at most 2 Σ_ii Σ_jj/m.
        spread = covariance.diagonal()
        assert bool(((chosen.mean(0) - mixture.means[component]).abs() < 5 * (spread / m).sqrt()).all())
        assert bool(((chosen.T.cov() - covariance).abs() < 5 * (2 * torch.outer(spread, spread) / m).sqrt()).all())


def test_components_divide_the_unit_interval_by_weight() -> None:
    mixture = GaussianMixture(torch.tensor([0.5, 0.25, 0.25]), torch.zeros(3, 1), torch.ones(3, 1, 1))
    uniform = torch.tensor([0.0, 0.499, 0.5, 0.749, 0.75, 0.9999999])
    assert mixture.components(uniform).tolist() == [0, 0, 1, 1, 2, 2]


def test_weights_that_round_below_1_leave_no_gap() -> None:
    mixture = GaussianMixture(torch.tensor([0.3, 0.3, 0.39]), torch.zeros(3, 1), torch.ones(3, 1, 1))
    assert mixture.components(torch.tensor([0.995])).tolist() == [2]


@pytest.mark.parametrize("t", [1, 200, 700, 1000])
def test_x0_is_the_posterior_mean(t: int) -> None:
    """E[x_0|x_t] = Σ_k p(k|x_t) (μ_k + a Σ_k (a² Σ_k + s² I)⁻¹ (x_t − a μ_k)), by conditioning each Gaussian."""
    mixture, x, schedule = random_mixture(3, 2), somewhere(20, 2), cosine(1000)
    a, s = schedule.signal(t), schedule.noise(t)
    covariances = a**2 * mixture.covariances + s**2 * torch.eye(2, dtype=torch.float64)
    gain = a * mixture.covariances @ torch.linalg.inv(covariances)
    means = mixture.means + torch.einsum("kij,nkj->nki", gain, x.unsqueeze(1) - a * mixture.means)
    expected = torch.einsum("nk,nki->ni", mixture.responsibilities(x, a, s), means)
    x0 = MixtureDenoiser(mixture, schedule)(x, t).x0
    # Tweedie's formula divides by a, which is 5e-5 at t = T.
    torch.testing.assert_close(x0, expected, rtol=1e-7, atol=1e-14 / a**2 + 1e-9)


def test_the_denoiser_knows_the_data_at_t_0() -> None:
    mixture, x = random_mixture(3, 2), somewhere(20, 2)
    prediction = MixtureDenoiser(mixture, cosine(1000))(x, 0)
    assert torch.equal(prediction.x0, x)
    torch.testing.assert_close(prediction.score, mixture.score(x))


# --- pieces: components that belong together -------------------------------------------------------------


def row(round_ones: bool) -> tuple[GaussianMixture, GaussianMixture]:
    """Twelve components in three pieces, in float64, and the same components without pieces."""
    plain = random_mixture(12, 2, seed=4)
    covariances = 0.2 * torch.eye(2, dtype=torch.float64).expand(12, 2, 2) if round_ones else plain.covariances
    pieces = torch.tensor([0, 1, 2, 2, 1, 0, 0, 0, 1, 2, 2, 2])
    return GaussianMixture(plain.weights, plain.means, covariances, pieces), GaussianMixture(
        plain.weights, plain.means, covariances
    )


@pytest.mark.parametrize(("a", "s"), PATHS)
@pytest.mark.parametrize("round_ones", [True, False])
def test_pieces(round_ones: bool, a: float, s: float) -> None:
    mixture, plain = row(round_ones)
    assert (mixture.common_variance is not None) == round_ones
    x = somewhere(40, 2)
    torch.testing.assert_close(mixture.log_density(x, a, s), log_prob(plain, x, a, s))
    assert mixture.pieces is not None
    for piece in range(3):
        mine = mixture.pieces == piece
        weight = mixture.weights[mine].sum()
        torch.testing.assert_close(mixture.piece_weights[piece], weight)
        alone = GaussianMixture(mixture.weights[mine] / weight, mixture.means[mine], mixture.covariances[mine])
        label = torch.full((40,), piece)
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(log_prob(alone, leaf, a, s).sum(), leaf)
        torch.testing.assert_close(mixture.score(x, a, s, label), gradient, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(mixture.log_density(x, a, s, label), log_prob(alone, x, a, s))
        shares = (weight.log() + log_prob(alone, x, a, s) - log_prob(plain, x, a, s)).exp()
        torch.testing.assert_close(mixture.responsibilities(x, a, s)[:, piece], shares)
        torch.testing.assert_close(mixture.log_responsibilities(x, a, s)[:, piece].exp(), shares)
        torch.testing.assert_close(mixture.piece_means[piece], alone.weights @ alone.means)
    uniform = torch.rand(50, generator=torch.Generator().manual_seed(3))
    assert torch.equal(mixture.components(uniform), mixture.pieces[plain.components(uniform)])


@pytest.mark.parametrize(("a", "s"), PATHS)
def test_many_round_components_in_single_precision(a: float, s: float) -> None:
    mixture, _ = row(True)
    x = somewhere(200, 2)
    single = mixture.to("cpu", torch.float32)
    found, exact = single.score(x.float(), a, s).double(), mixture.score(x, a, s)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("a", "s"), PATHS)
@pytest.mark.parametrize("round_ones", [True, False])
def test_the_density_over_a_lattice(round_ones: bool, a: float, s: float) -> None:
    mixture, _ = row(round_ones)
    x, y = torch.linspace(-3, 3, 7, dtype=torch.float64), torch.linspace(-2, 2, 5, dtype=torch.float64)
    places = torch.stack([x.repeat(5), y.repeat_interleave(7)], dim=1)
    torch.testing.assert_close(mixture.log_density_over(x, y, a, s), mixture.log_density(places, a, s).view(5, 7))


def test_far_from_every_component_the_density_over_a_lattice_is_finite() -> None:
    mixture, _ = row(True)
    far = torch.tensor([-300.0, 300.0])
    assert bool(mixture.to("cpu", torch.float32).log_density_over(far, far).isfinite().all())
