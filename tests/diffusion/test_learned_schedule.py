"""The learned schedule: falling log-SNR for any weights, its ends, its inverse; what its shape does for the bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explorer.diffusion.denoiser import Condition
from explorer.diffusion.likelihood.continuous import (
    REFERENCES,
    LevelErrors,
    bits,
    count_ends,
    loss_curve,
    prior_cost,
    reconstruction_cost,
)
from explorer.diffusion.likelihood.gaussian import gaussian_kl, summed
from explorer.diffusion.likelihood.levels import OWN, continuous_elbo, own_omega
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule, cosine
from explorer.diffusion.schedules.learned import LearnedSchedule, MonotoneShape, straight_shape
from explorer.networks.monotone import SPEED, Monotone, MonotoneConfig


@pytest.mark.parametrize("seed", range(40))
def test_log_snr_falls_whatever_the_weights_are(seed: int) -> None:
    torch.manual_seed(seed)
    spread = 0.1 + 0.1 * seed
    network = Monotone(MonotoneConfig(bends=12))
    with torch.no_grad():
        for parameter in (network.straight, network.steps, network.rates, network.offsets):
            parameter.copy_(spread * torch.randn(parameter.shape))
    schedule = network.schedule(200)
    values = schedule.log_snr(torch.linspace(0, 200, 401, dtype=torch.float64)[1:])
    assert bool(torch.isfinite(values).all())
    assert bool((values.diff() <= 1e-12).all())
    assert bool((values[::50].diff() < 0).all())


def bent() -> LearnedSchedule:
    shape = MonotoneShape(0.4, np.array([0.5, 2.0]), np.array([6.0, 20.0]), np.array([-1.0, -14.0]))
    return LearnedSchedule(1000, shape, -12.0, 6.0)


def test_its_ends_and_its_clean_data() -> None:
    schedule = bent()
    assert (schedule.signal(0), schedule.noise(0)) == (1.0, 0.0)
    assert schedule.log_snr(0) == math.inf
    assert schedule.log_snr(1e-9) == pytest.approx(12.0, abs=1e-6)
    assert schedule.log_snr(1000) == pytest.approx(-6.0, abs=1e-12)
    assert schedule.noise(1000) ** 2 == pytest.approx(1 / (1 + math.exp(-6)), rel=1e-12)
    t = torch.linspace(0, 1000, 11)
    torch.testing.assert_close(schedule.signal(t) ** 2 + schedule.noise(t) ** 2, torch.ones(11, dtype=torch.float64))
    betas = schedule.betas
    assert betas is not None
    assert torch.cumprod(1 - betas, 0)[-1] == pytest.approx(schedule.signal(1000) ** 2, rel=1e-9)


@pytest.mark.parametrize("t", [0.5, 10.0, 333.3, 999.0])
def test_a_noise_level_has_its_time(t: float) -> None:
    schedule = bent()
    assert schedule.time(schedule.noise(t) / schedule.signal(t)) == pytest.approx(t, rel=1e-9)
    assert schedule.time(1e-9) == 0.0
    assert schedule.time(1e9) == 1000.0


def test_the_network_is_the_schedule_and_knows_its_slope() -> None:
    torch.manual_seed(1)
    network = Monotone(MonotoneConfig(bends=9, first=-10.0, last=4.0))
    with torch.no_grad():
        network.steps.add_(0.3 * torch.randn(9))
    u = torch.linspace(0.01, 1, 9, requires_grad=True)
    fraction, slope = network.shape(u)
    (by_autograd,) = torch.autograd.grad(fraction.sum(), u)
    torch.testing.assert_close(slope, by_autograd, rtol=1e-4, atol=1e-5)
    schedule = network.schedule(100)
    omega = -10 + 14 * fraction.detach().double()
    np.testing.assert_allclose(schedule.omega(u.detach().double().numpy()), omega, atol=1e-4)
    assert network.ends()[0].item() == pytest.approx(-10.0)
    assert network.first.item() * SPEED == pytest.approx(-10.0)


def test_impossible_schedules_are_refused() -> None:
    one = np.ones(1)
    with pytest.raises(ValueError, match="above 0"):
        MonotoneShape(1.0, -one, one, one)
    with pytest.raises(ValueError, match="not finite"):
        MonotoneShape(math.nan, one, one, one)
    with pytest.raises(ValueError, match="as many"):
        MonotoneShape(1.0, one, np.ones(2), one)
    with pytest.raises(ValueError, match="must fall"):
        LearnedSchedule(10, straight_shape(), 3.0, 2.0)


# The bound


class GaussianTruth:
    """The exact denoiser of x_0 ~ N(0, c I): ε̂ = s x_t/(c a² + s²)."""

    def __init__(self, schedule: Schedule, c: float) -> None:
        self.schedule, self.c = schedule, c

    def __call__(self, x_t: torch.Tensor, t: float, condition: Condition = None) -> Prediction:
        del condition
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        return Prediction(x_t, t, a, s, "eps", s * x_t / (self.c * a * a + s * s))


@pytest.mark.parametrize("name", [*REFERENCES, "bent"])
def test_the_loss_does_not_depend_on_the_schedule_between_its_ends(name: str) -> None:
    first, last, d, c = -8.0, 5.0, 4, 0.5
    omega = np.linspace(first, last, 2001)
    alpha = 1 / (1 + np.exp(omega))
    per_number = c * alpha / (c * alpha + 1 - alpha)  # E(ε − ε̂)² of the exact denoiser
    errors = LevelErrors(omega, d * per_number, per_number**2 * (d * d + 2 * d))
    # ½ ∫ d c/(c + e^ω) dω in closed form
    exact = d / 2 * ((last - math.log(c + math.exp(last))) - (first - math.log(c + math.exp(first))))
    assert errors.cost == pytest.approx(exact, rel=1e-6)
    shape = bent()
    schedule = LearnedSchedule(1, shape.shape, first, last)
    omega_of = REFERENCES[name](first, last) if name in REFERENCES else own_omega(schedule)
    curve = loss_curve(errors, omega_of, 4001)
    assert curve.total == pytest.approx(exact, rel=1e-3)
    assert curve.variance > 0
    assert curve.mean.shape == curve.u.shape == curve.std.shape


@pytest.mark.parametrize("name", list(REFERENCES))
def test_the_references_go_from_end_to_end(name: str) -> None:
    omega = REFERENCES[name](-9.0, 4.0)(np.linspace(0, 1, 101))
    assert omega[0] == pytest.approx(-9.0, abs=1e-6)
    assert omega[-1] == pytest.approx(4.0, abs=1e-6)
    assert bool((np.diff(omega) > 0).all())


def test_the_least_variance_is_that_of_a_level_loss() -> None:
    """Without noise in the loss itself, a schedule on which ℓ is the same for all u has no variance at all."""
    omega = np.linspace(-6.0, 6.0, 1201)
    mean = 1 + omega**2
    errors = LevelErrors(omega, mean, mean**2)
    way = np.concatenate([[0.0], np.cumsum((mean[1:] + mean[:-1]) / 2 * np.diff(omega))])
    curve = loss_curve(errors, lambda u: np.interp(u * way[-1], way, omega))
    straight = loss_curve(errors, REFERENCES["linear log SNR"](-6.0, 6.0))
    assert curve.variance < 1e-3 * straight.variance


def test_prior_and_reconstruction_in_closed_form() -> None:
    omega = torch.tensor(2.0, dtype=torch.float64)
    x_0 = torch.tensor([[0.5, -1.0, 1.0]])
    noise, signal = float(torch.sigmoid(omega)), float(torch.sigmoid(-omega))
    expected = gaussian_kl(signal * summed(x_0.square()), 3, noise, 1.0)
    torch.testing.assert_close(prior_cost(summed(x_0.square()), 3, omega), expected)
    assert count_ends(x_0).tolist() == [2.0]
    # The bytes 0 and 128 seen through noise of half a step, drawn here.
    level = torch.tensor(2 * math.log(0.5 * 2 / 255), dtype=torch.float64)
    eps = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for value, at_ends in ((0, 1.0), (128, 0.0)):
        distances = value + 0.5 * eps - torch.arange(256)
        log_p = torch.log_softmax(-0.5 * (distances / 0.5) ** 2, 1)[:, value]
        found = float(reconstruction_cost(torch.tensor([at_ends], dtype=torch.float64), 1, level))
        assert found == pytest.approx(-float(log_p.mean()), rel=0.03)
    # With hardly any noise nothing is left to tell.
    quiet = torch.tensor(-20.0, dtype=torch.float64)
    found = float(reconstruction_cost(torch.tensor([0.0], dtype=torch.float64), 10, quiet))
    assert found == pytest.approx(0, abs=1e-6)
    assert bits(math.log(2) * 6, 3) == pytest.approx(2.0)


def test_level_by_level_it_becomes_the_exact_bound() -> None:
    c, schedule = 0.04, bent()
    x_0 = c**0.5 * torch.randn(300, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = NoiseSource(0, 300, (1, 4, 4), torch.device("cpu"))
    found = list(continuous_elbo(GaussianTruth(schedule, c), x_0, noise, levels=33))
    assert found[-1].fraction == 1.0
    assert [one.fraction for one in found] == sorted(one.fraction for one in found)
    last = found[-1]
    assert next(iter(last.losses)) == OWN
    d = 16
    exact = d / 2 * ((6 - math.log(c + math.exp(6))) - (-12 - math.log(c + math.exp(-12))))
    assert float(last.diffusion.mean()) == pytest.approx(exact, rel=0.02)
    assert all(curve.total == pytest.approx(exact, rel=0.03) for curve in last.losses.values())


def test_whole_times_have_the_bound_too_and_other_paths_have_none() -> None:
    x_0 = torch.zeros(2, 1, 2, 2)
    noise = NoiseSource(0, 2, (1, 2, 2), torch.device("cpu"))
    *_, last = continuous_elbo(GaussianTruth(cosine(50), 0.1), x_0, noise, levels=9)
    assert last.first == pytest.approx(-cosine(50).log_snr(1))
    omega = own_omega(cosine(50))(np.array([0.0, 1.0]))
    assert omega[0] == pytest.approx(last.first)
    from explorer.diffusion.schedules import geometric

    with pytest.raises(ValueError, match="keeps the variance"):
        next(continuous_elbo(GaussianTruth(geometric(10), 0.1), x_0, noise))
