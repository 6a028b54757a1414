"""The network for points."""

from __future__ import annotations

import pytest
import torch

from explorer.diffusion.schedules import cosine
from explorer.networks import NETWORKS
from explorer.networks.mlp import MLP, MLPConfig, mlp_denoiser

CONFIG = MLPConfig(dim=2, hidden=16, layers=3, frequencies=4, classes=3)


@pytest.fixture
def network() -> MLP:
    torch.manual_seed(0)
    return MLP(CONFIG)


@pytest.fixture
def points() -> torch.Tensor:
    return torch.randn(5, 2, generator=torch.Generator().manual_seed(0))


def test_one_time_for_the_batch_is_the_same_as_one_each(network: MLP, points: torch.Tensor) -> None:
    labels = torch.tensor([0, 1, 2, 3, -1])
    single = network(points, torch.tensor(0.7), labels)
    torch.testing.assert_close(single, network(points, torch.full((5,), 0.7), labels))
    assert single.shape == (5, 2)


def test_no_label_is_the_null_label(network: MLP, points: torch.Tensor) -> None:
    level = torch.tensor(-1.0)
    without = network(points, level)
    torch.testing.assert_close(without, network(points, level, torch.full((5,), -1)))
    torch.testing.assert_close(without, network(points, level, torch.full((5,), 3)))
    assert not torch.allclose(without, network(points, level, torch.zeros(5, dtype=torch.int64)))


def test_time_matters(network: MLP, points: torch.Tensor) -> None:
    assert not torch.allclose(network(points, torch.tensor(-9.0)), network(points, torch.tensor(4.0)))


def test_a_network_without_classes_takes_no_labels(points: torch.Tensor) -> None:
    network = MLP(MLPConfig(hidden=8, layers=1))
    level = torch.tensor(0.0)
    torch.testing.assert_close(network(points, level), network(points, level, torch.full((5,), -1)))


def test_another_dimension() -> None:
    assert MLP(MLPConfig(dim=7, hidden=8))(torch.zeros(3, 7), torch.zeros(3)).shape == (3, 7)


def test_its_state_is_all_it_needs(network: MLP, points: torch.Tensor) -> None:
    """A network made on `meta` and given the state, as a loader does it, computes the same."""
    with torch.device("meta"):
        copy = MLP(CONFIG)
    copy.load_state_dict(network.state_dict(), assign=True)
    assert torch.equal(copy(points, torch.tensor(0.3)), network(points, torch.tensor(0.3)))


def test_the_denoiser_speaks_of_t(network: MLP, points: torch.Tensor) -> None:
    schedule = cosine(100)
    prediction = mlp_denoiser(network, schedule, "v")(points, 40, torch.ones(5, dtype=torch.int64))
    expected = network(points, torch.tensor(0.5 * schedule.log_snr(40)), torch.ones(5, dtype=torch.int64))
    torch.testing.assert_close(prediction.v, expected)
    assert torch.equal(mlp_denoiser(network, schedule, "v")(points, 0).x0, points)


def test_the_registry_builds_every_network_from_its_defaults() -> None:
    for config_type, network_type in NETWORKS.values():
        config = config_type()
        assert network_type(config).config == config
