"""log p by the probability-flow ODE against closed forms, in float64."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import overload

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.datasets.toy import three_components
from explorer.diffusion.likelihood import exact_divergence, hutchinson_divergence, log_likelihood, rademacher
from explorer.diffusion.likelihood.ode import legs
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.schedules import Schedule, cosine, geometric, linear, rescale_zero_terminal_snr
from explorer.networks.mlp import MLP, MLPConfig, mlp_denoiser
from tests.diffusion.drawing import drawn

CPU = torch.device("cpu")


class Straight(Schedule):
    """Rectified flow, x_t = (1 − t) x_0 + t ε: a path of continuous time that does not preserve variance."""

    name, T = "straight", 1

    @overload
    def signal(self, t: float) -> float: ...
    @overload
    def signal(self, t: Tensor) -> Tensor: ...
    def signal(self, t: float | Tensor) -> float | Tensor:
        return 1 - t

    @overload
    def noise(self, t: float) -> float: ...
    @overload
    def noise(self, t: Tensor) -> Tensor: ...
    def noise(self, t: float | Tensor) -> float | Tensor:
        return t

    @overload
    def log_snr(self, t: float) -> float: ...
    @overload
    def log_snr(self, t: Tensor) -> Tensor: ...
    def log_snr(self, t: float | Tensor) -> float | Tensor:
        assert not isinstance(t, Tensor)
        return math.inf if t == 0 else -math.inf if t == 1 else 2 * math.log((1 - t) / t)

    @property
    def discrete(self) -> bool:
        return False


def gaussian() -> GaussianMixture:
    """Around 0, since a mean that is still seen at T would set p(x_T) apart from the prior."""
    covariance = torch.tensor([[[0.5, 0.2], [0.2, 0.3]]], dtype=torch.float64)
    return GaussianMixture(torch.ones(1, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64), covariance)


SCHEDULES: list[Schedule] = [
    cosine(1000),
    linear(1000),
    rescale_zero_terminal_snr(linear(1000)),
    geometric(201, 0.01, 1000.0),
    Straight(),
]


@pytest.mark.parametrize(
    ("truth", "schedule"),
    [(gaussian(), Straight()), *((three_components().exact(torch.float64), schedule) for schedule in SCHEDULES)],
    ids=lambda value: value.name if isinstance(value, Schedule) else f"{len(value.weights)} components",
)
def test_the_ode_finds_the_density(truth: GaussianMixture, schedule: Schedule) -> None:
    x_0 = drawn(truth, 40)
    found = log_likelihood(MixtureDenoiser(truth, schedule), x_0)
    start = float(found.t[0])
    a, s = schedule.signal(start), schedule.noise(start)
    expected = truth.log_density(x_0, 1.0, s / a).numpy()
    assert np.abs(found.log_density - expected).max() < 1e-3
    # Before anything has moved, the path is at x_t = a x_0.
    np.testing.assert_allclose(found.path[0], truth.log_density(a * x_0, a, s).numpy(), atol=1e-3)
    assert found.path.shape == (len(found.t), 40)
    assert found.network_calls == 4 * (len(found.t) - 1)
    assert np.all(found.standard_error == 0)


def test_the_error_falls_with_the_fourth_power_of_the_step() -> None:
    truth = gaussian()
    x_0 = drawn(truth, 5)
    expected = log_likelihood(MixtureDenoiser(truth, Straight()), x_0, 160).log_density
    errors = [
        np.abs(log_likelihood(MixtureDenoiser(truth, Straight()), x_0, steps).log_density - expected).max()
        for steps in (20, 40)
    ]
    assert errors[0] > 12 * errors[1]


def test_a_condition_reaches_the_model() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(1000)
    x_0, labels = drawn(truth, 12), torch.arange(12) % 3
    found = log_likelihood(MixtureDenoiser(truth, schedule), x_0, 90, condition=labels)
    for k in range(3):
        alone = GaussianMixture(
            torch.ones(1, dtype=torch.float64), truth.means[k : k + 1], truth.covariances[k : k + 1]
        )
        expected = alone.log_density(x_0[k::3], 1.0, schedule.noise(1) / schedule.signal(1)).numpy()
        # Points far from their component lie on steep slopes of its density.
        np.testing.assert_allclose(found.log_density[k::3], expected, rtol=1e-3, atol=2e-3)


def test_random_probes_estimate_it() -> None:
    truth, schedule = three_components().exact(torch.float64), cosine(1000)
    x_0 = drawn(truth, 30)
    denoiser, noise = MixtureDenoiser(truth, schedule), NoiseSource(0, 30, (2,), CPU)
    exact = log_likelihood(denoiser, x_0, 20).log_density
    found = log_likelihood(denoiser, x_0, 20, rademacher(noise, 16, torch.float64))
    assert np.all(np.abs(found.log_density - exact) < 6 * found.standard_error + 1e-6)
    one = log_likelihood(denoiser, x_0, 20, rademacher(noise, 1, torch.float64))
    assert np.all(np.isnan(one.standard_error))
    # The probes move the estimate, never the points.
    assert abs(float((one.log_density - exact).mean())) < 1


def test_a_network_has_a_likelihood() -> None:
    torch.manual_seed(0)
    denoiser = mlp_denoiser(MLP(MLPConfig(hidden=16, layers=2)), cosine(50), "v")
    with torch.no_grad():
        found = log_likelihood(denoiser, torch.randn(3, 2), 10)
    assert found.log_density.shape == (3,)
    assert bool(np.isfinite(found.log_density).all())


# Its steps


@pytest.mark.parametrize("schedule", [cosine(1000), cosine(10), cosine(3), linear(999), geometric(100)])
@pytest.mark.parametrize("steps", [1, 7, 50, 5000])
def test_steps_have_a_middle_and_go_from_the_first_time_to_the_last(schedule: Schedule, steps: int) -> None:
    found = legs(schedule, steps)
    assert found[0].start == 1
    assert found[-1].end in (schedule.T, schedule.T - 1)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(leg.middle - leg.start == leg.end - leg.middle >= 1 for leg in found)
    assert len(found) <= steps


def test_steps_end_where_the_signal_does() -> None:
    assert legs(rescale_zero_terminal_snr(linear(1000)), 20)[-1].end == 999


@pytest.mark.parametrize(("start", "end"), [(0, 5), (5, 5), (5, 3), (1, 2), (1, 4)])
def test_impossible_times(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="from a time above 0"):
        legs(cosine(10), 3, start, end)


def test_impossible_numbers_of_steps() -> None:
    with pytest.raises(ValueError, match="at least one"):
        legs(cosine(10), 0)
    with pytest.raises(ValueError, match="from a time above 0"):
        legs(cosine(2), 1)


# The divergence


def pictures() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=1)).double()
    return network, torch.randn(3, 1, 4, 4, dtype=torch.float64)


def test_the_divergence_is_the_trace_of_the_jacobian() -> None:
    network, x = pictures()
    value, divergence = exact_divergence(network, x)
    jacobians = [torch.autograd.functional.jacobian(network, one.unsqueeze(0)).view(16, 16) for one in x]
    torch.testing.assert_close(divergence, torch.stack([jacobian.trace() for jacobian in jacobians]))
    torch.testing.assert_close(value, network(x).detach())
    assert not value.requires_grad
    assert not divergence.requires_grad


def test_probes_along_every_axis_give_it_exactly() -> None:
    network, x = pictures()
    axes = 4 * torch.eye(16, dtype=torch.float64).view(16, 1, 1, 4, 4).expand(16, 3, 1, 4, 4)  # E[v vᵀ] = I
    _, estimates = hutchinson_divergence(network, x, axes)
    assert estimates.shape == (16, 3)
    torch.testing.assert_close(estimates.mean(0), exact_divergence(network, x)[1])


def test_a_constant_and_a_linear_function() -> None:
    x = torch.randn(4, 3, dtype=torch.float64)
    assert exact_divergence(lambda x: x * 0 + 2, x)[1].tolist() == [0] * 4
    assert exact_divergence(lambda x: 3 * x, x)[1].tolist() == [9] * 4


def test_training_differentiates_the_divergence() -> None:
    network, x = pictures()
    for divergence in (
        exact_divergence(network, x, create_graph=True)[1],
        hutchinson_divergence(network, x, torch.ones(1, 3, 1, 4, 4, dtype=torch.float64), create_graph=True)[1],
    ):
        (gradient,) = torch.autograd.grad(divergence.sum(), [network.get_parameter("0.weight")])
        assert float(gradient.abs().sum()) > 0


def test_probes_are_signs_with_an_address() -> None:
    probes = rademacher(NoiseSource(3, 4, (5, 5), CPU), 2)
    assert probes.shape == (2, 4, 5, 5)
    assert set(probes.flatten().tolist()) == {-1.0, 1.0}
    assert torch.equal(probes[:, 2:3], rademacher(NoiseSource(3, 1, (5, 5), CPU, first=2), 2))
    assert not torch.equal(probes[0], probes[1])
