"""The shipped 2-D distributions."""

from __future__ import annotations

import torch

from explorer.datasets.toy import three_components


def test_the_mixture_is_centred_and_of_unit_scale() -> None:
    toy = three_components()
    mixture = toy.exact(torch.float64)
    assert sum(toy.weights) == 1
    assert len(toy.names) == len(toy.weights) == len(toy.means) == len(toy.covariances)
    mean = mixture.weights @ mixture.means
    torch.testing.assert_close(mean, torch.zeros(2, dtype=torch.float64), atol=1e-9, rtol=0)
    second = mixture.covariances + mixture.means.unsqueeze(2) * mixture.means.unsqueeze(1)
    variance = torch.einsum("k,kii->i", mixture.weights, second)
    assert bool(((variance > 0.5) & (variance < 1.5)).all())


def test_the_components_are_apart_and_in_view() -> None:
    mixture = three_components().exact()
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(10_000, generator=generator)
    x = mixture.draw(torch.randn(10_000, 2, generator=generator), uniform)
    assert float((x.abs() < 2.5).all(1).float().mean()) > 0.999
    right = mixture.responsibilities(x).argmax(1) == mixture.components(uniform)
    assert float(right.float().mean()) > 0.995


def test_covariances_are_symmetric_and_differ() -> None:
    covariances = three_components().exact().covariances
    torch.testing.assert_close(covariances, covariances.mT)
    assert bool((torch.linalg.eigvalsh(covariances) > 0).all())
    assert len({tuple(matrix.flatten().tolist()) for matrix in covariances}) == len(covariances)
