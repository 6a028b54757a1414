"""The shipped 2-D distributions."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.datasets.toy import TOYS, along, from_strokes, three_components

F64 = torch.float64


@pytest.mark.parametrize("name", TOYS)
def test_centred_of_unit_scale_and_in_view(name: str) -> None:
    toy = TOYS[name]()
    mixture = toy.exact(F64)
    assert math.isclose(sum(toy.weights), 1)
    assert len(toy.weights) == len(toy.means) == len(toy.covariances)
    assert len(toy.names) == len(mixture.piece_weights)
    mean = mixture.weights @ mixture.means
    assert float(mean.abs().max()) < 0.4
    second = mixture.covariances + (mixture.means - mean).unsqueeze(2) * (mixture.means - mean).unsqueeze(1)
    variance = torch.einsum("k,kii->i", mixture.weights, second)
    assert bool(((variance > 0.4) & (variance < 1.5)).all())
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(10_000, generator=generator)
    x = mixture.draw(torch.randn(10_000, 2, generator=generator).double(), uniform)
    assert float((x.abs() < 2.5).all(1).double().mean()) > 0.999
    right = mixture.responsibilities(x).argmax(1) == mixture.components(uniform)
    assert float(right.double().mean()) > 0.95, "what belongs together is apart from the rest"
    counted = torch.bincount(mixture.components(uniform)) / 10_000
    torch.testing.assert_close(counted.double(), mixture.piece_weights, atol=0.02, rtol=0)


def test_the_components_of_the_mixture_are_apart() -> None:
    mixture = three_components().exact()
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(10_000, generator=generator)
    x = mixture.draw(torch.randn(10_000, 2, generator=generator), uniform)
    right = mixture.responsibilities(x).argmax(1) == mixture.components(uniform)
    assert float(right.float().mean()) > 0.995


def test_covariances_are_symmetric_and_differ() -> None:
    covariances = three_components().exact().covariances
    torch.testing.assert_close(covariances, covariances.mT)
    assert bool((torch.linalg.eigvalsh(covariances) > 0).all())
    assert len({tuple(matrix.flatten().tolist()) for matrix in covariances}) == len(covariances)


def test_the_density_along_a_ring_is_flat_and_adds_up() -> None:
    mixture = TOYS["rings"]().exact(F64)
    angles = torch.linspace(0, 2 * math.pi, 3000, dtype=F64)
    ring = 1.3 * torch.stack([angles.cos(), angles.sin()], dim=1)
    density = mixture.log_density(ring).exp()
    assert float(density.max() / density.min()) < 1.02
    # 30 % of the points within a ring of this length, normal across it.
    expected = 0.3 / (2 * math.pi * 1.3) / (0.075 * math.sqrt(2 * math.pi))
    assert math.isclose(float(density.mean()), expected, rel_tol=0.01)


def test_the_squares_are_flat_inside_and_empty_between() -> None:
    mixture = TOYS["checkerboard"]().exact(F64)
    inside = torch.rand(500, 2, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.3 + 0.35
    density = mixture.log_density(inside).exp()
    assert float(density.max() / density.min()) < 1.03
    assert math.isclose(float(density.mean()), 1 / 8, rel_tol=0.03)
    assert float(mixture.log_density(inside * torch.tensor([-1.0, 1.0], dtype=F64)).exp().max()) < 0.01


def test_places_along_a_curve_are_evenly_apart() -> None:
    bent = [(0.0, 0.0), (1.0, 0.0), (1.0, 2.0)]
    places = along(bent, 0.25)
    assert places[0] == bent[0]
    assert places[-1] == pytest.approx(bent[-1])
    assert len(places) == 13
    assert places[4] == pytest.approx((1.0, 0.0))
    assert places[8] == pytest.approx((1.0, 1.0))
    assert along([(0.3, 0.4)], 0.1) == [(0.3, 0.4)]
    assert along([(0.3, 0.4), (0.3, 0.4)], 0.1) == [(0.3, 0.4)]


def test_a_drawing_is_a_mixture_whose_weights_are_lengths() -> None:
    toy = from_strokes([[(-1.0, 0.0), (1.0, 0.0)], [(0.0, 0.5), (0.0, 1.5)], []])
    weights = toy.exact(F64).piece_weights
    assert toy.names == ("stroke 1", "stroke 2")
    torch.testing.assert_close(weights, torch.tensor([2 / 3, 1 / 3], dtype=F64), atol=0.03, rtol=0)
    scribble = [(math.sin(1.7 * i), math.cos(2.9 * i)) for i in range(200)]
    long = from_strokes([scribble])
    assert len(long.weights) <= 400
    assert long.covariances[0][0][0] > toy.covariances[0][0][0], "a long line is drawn with a wider pen"
    assert len(from_strokes([[(0.0, 0.0)]]).weights) == 1
    with pytest.raises(ValueError, match="empty"):
        from_strokes([[]])
