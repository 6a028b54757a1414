"""Noise has an address: (seed, stream, step, sample)."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from explorer.diffusion.noise import NoiseSource, Stream

CPU = torch.device("cpu")
SHAPES = [(2,), (1, 5, 5), (3, 16, 16)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stream", Stream)
def test_a_batch_holds_exactly_the_single_runs(shape: tuple[int, ...], stream: Stream) -> None:
    batch = NoiseSource(7, 16, shape, CPU)(11, stream)
    singles = [NoiseSource(7, 1, shape, CPU, first=k)(11, stream) for k in range(16)]
    assert torch.equal(batch, torch.cat(singles))
    assert torch.equal(batch[4:9], NoiseSource(7, 5, shape, CPU, first=4)(11, stream))


def test_the_same_address_gives_the_same_numbers() -> None:
    source = NoiseSource(7, 4, (3,), CPU)
    first = source(2)
    source(3)
    assert torch.equal(first, source(2))
    assert torch.equal(first, NoiseSource(7, 4, (3,), CPU)(2))


def test_other_addresses_give_other_numbers() -> None:
    drawn = [
        NoiseSource(seed, 4, (50,), CPU)(step, stream)
        for seed, step, stream in itertools.product((0, 1, 2**64 - 1), (0, 1, 999), Stream)
    ]
    for one, other in itertools.combinations(drawn, 2):
        assert not bool((one == other).any())


def test_shape_type_and_device() -> None:
    noise = NoiseSource(0, 4, (3, 2, 2), torch.device("meta"))(0)
    assert noise.shape == (4, 3, 2, 2)
    assert noise.dtype == torch.float32
    assert noise.is_meta


def test_the_numbers_are_standard_normal() -> None:
    """Kolmogorov's distance to the normal distribution at the level 0.001, and the first four moments."""
    n = 100_000
    x = NoiseSource(5, n, (1,), CPU)(3).flatten().double()
    cdf = 0.5 * (1 + torch.erf(x.sort().values / math.sqrt(2)))
    assert float((cdf - (torch.arange(n) + 0.5) / n).abs().max()) < 1.95 / math.sqrt(n)
    moments = [float((x**k).mean()) for k in (1, 2, 3, 4)]
    # Five standard errors each: Var x^k = E x^2k − (E x^k)².
    for found, expected, variance in zip(moments, (0, 1, 0, 3), (1, 2, 15, 96), strict=True):
        assert abs(found - expected) < 5 * math.sqrt(variance / n)


def test_samples_steps_and_streams_are_uncorrelated() -> None:
    n = 50_000
    source = NoiseSource(5, n, (2,), CPU)
    columns = torch.cat([source(step, stream) for step in (0, 1) for stream in Stream], dim=1)
    correlation = torch.corrcoef(columns.T) - torch.eye(columns.shape[1])
    assert float(correlation.abs().max()) < 5 / math.sqrt(n)


@pytest.mark.parametrize(
    ("n", "shape", "first", "expected"),
    [
        (3, (2,), 0, [0.98557681, 0.63054359, -1.19731343]),
        (2, (1, 5, 5), 3, [-2.81285691, 0.45329967, -0.30759239]),
        (2, (3, 4, 4), 1, [0.81482208, -0.52635419, 0.4577848]),
    ],
)
def test_kept_runs_stay_what_they_were(n: int, shape: tuple[int, ...], first: int, expected: list[float]) -> None:
    """Sessions and scripts name a seed: what it gives is part of what they hold."""
    drawn = NoiseSource(7, n, shape, CPU, first)(5).flatten()
    assert torch.allclose(drawn[:3], torch.tensor(expected), rtol=0, atol=1e-6)
