"""û against the slopes that are known, and against the path itself."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.schedules import SCHEDULES, cosine
from explorer.diffusion.velocity import slopes, velocity

ONE = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), torch.eye(2).double().unsqueeze(0))


def test_the_straight_path() -> None:
    schedule = SCHEDULES["rectified_flow"](1000)
    for t in (0, 1, 300.5, 1000):
        assert slopes(schedule, t) == pytest.approx((-1, 1), abs=1e-6)
    x_t = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    prediction = MixtureDenoiser(ONE, schedule)(x_t, 400)
    torch.testing.assert_close(velocity(schedule, prediction), prediction.eps - prediction.x0, rtol=1e-6, atol=1e-6)


def test_the_cosine() -> None:
    """√ᾱ = cos(π/2 (u + 0.008)/1.008) / cos(π/2 · 0.008/1.008), but for the last β, which are limited."""
    schedule, c = cosine(1000), math.pi / 2 / 1.008
    for t in (50, 400, 900):
        a = -c * math.sin(c * (t / 1000 + 0.008)) / math.cos(c * 0.008)
        assert slopes(schedule, t)[0] == pytest.approx(a, rel=1e-3)
    assert all(math.isfinite(value) for t in (0, 1000) for value in slopes(schedule, t))


@pytest.mark.parametrize("name", ["cosine", "vp_sde", "rectified_flow"])
def test_following_it_keeps_the_distribution(name: str) -> None:
    """Of N(0, 1) data x_t is N(0, a² + s²), so along the flow x grows as √(a² + s²)."""
    schedule = SCHEDULES[name](1000)
    denoiser = MixtureDenoiser(ONE, schedule)
    x = torch.tensor([[1.0, -2.0]]).double() * math.hypot(schedule.signal(100), schedule.noise(100))
    for t in range(100, 900):
        x = x + velocity(schedule, denoiser(x, t)) / 1000
    expected = torch.tensor([[1.0, -2.0]]).double() * math.hypot(schedule.signal(900), schedule.noise(900))
    torch.testing.assert_close(x, expected, rtol=5e-3, atol=0)
