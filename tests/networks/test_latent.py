"""The gates of a chain of latent variables: which level they tell what, and how surely."""

from __future__ import annotations

import pytest
import torch

from explorer.networks.latent import LatentConfig, LatentNetwork
from explorer.training.latent import steepen

THREE = LatentConfig(shape=(1, 4, 4), levels=(5, 4, 3), hidden=8, between=6, classes=2, top_classes=2)
Z = {
    level: torch.randn(7, size, generator=torch.Generator().manual_seed(level))
    for level, size in ((1, 5), (2, 4), (3, 3))
}


@pytest.fixture
def chain() -> LatentNetwork:
    torch.manual_seed(0)
    return LatentNetwork(THREE)


@torch.no_grad()
def test_the_top_gate_is_told_to_the_level_below_the_top_alone(chain: LatentNetwork) -> None:
    assert chain.top_gate is not None
    told = torch.cat([Z[3], chain.top_gate(Z[3]).softmax(1)], dim=1)
    mean, log_std = chain.down[-1](told).chunk(2, dim=1)
    below = chain.decode(3, Z[3])
    torch.testing.assert_close(below.mean, mean)
    torch.testing.assert_close(below.log_std, log_std)
    before = chain.decode(2, Z[2]).mean, chain.likelihood(Z[1]).mean
    for parameter in chain.top_gate.parameters():
        parameter.add_(1.0)
    assert not torch.allclose(chain.decode(3, Z[3]).mean, mean)
    torch.testing.assert_close(chain.decode(2, Z[2]).mean, before[0], rtol=0, atol=0)
    torch.testing.assert_close(chain.likelihood(Z[1]).mean, before[1], rtol=0, atol=0)


@torch.no_grad()
def test_a_steep_top_gate_decides(chain: LatentNetwork) -> None:
    assert chain.top_gate is not None
    decided = chain.top_gate(Z[3]).argmax(1)
    steepen(chain, 1e4)
    assert chain.top_gate(Z[3]).argmax(1).equal(decided), "steepness does not change what is decided"
    told = torch.cat([Z[3], torch.nn.functional.one_hot(decided, 2).float()], dim=1)
    mean, _ = chain.down[-1](told).chunk(2, dim=1)
    torch.testing.assert_close(chain.decode(3, Z[3]).mean, mean, atol=1e-4, rtol=1e-4)


def test_the_top_gate_learns_from_what_is_drawn_below(chain: LatentNetwork) -> None:
    assert chain.top_gate is not None
    chain.decode(3, Z[3]).mean.sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in chain.top_gate.parameters())
    assert chain.gate is not None
    assert all(parameter.grad is None for parameter in chain.gate.parameters())


def test_there_is_none_where_it_has_nothing_to_tell() -> None:
    assert LatentNetwork(LatentConfig(levels=(5,), hidden=8, top_classes=2)).top_gate is None
    plain = LatentNetwork(LatentConfig(levels=(5, 3), hidden=8, between=6))
    assert plain.top_gate is None
    assert plain.decode(2, Z[3]).mean.shape == (7, 5)
