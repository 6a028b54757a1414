"""Schedules against their closed forms and against diffusers' tables."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from explorer.diffusion.schedules import (
    SCHEDULES,
    DiscreteSchedule,
    cosine,
    geometric,
    linear,
    rescale_zero_terminal_snr,
    scaled_linear,
)

F64 = torch.float64
FAMILIES = list(SCHEDULES.values())
PRESERVING = [linear, scaled_linear, cosine]


def alphas_cumprod(schedule: DiscreteSchedule) -> torch.Tensor:
    return schedule.signal(torch.arange(1, schedule.T + 1)) ** 2


@pytest.mark.parametrize(
    ("schedule", "name", "start", "end"),
    [
        (linear(1000), "linear", 1e-4, 0.02),
        (linear(50, 1e-3, 0.3), "linear", 1e-3, 0.3),
        (scaled_linear(1000), "scaled_linear", 0.00085, 0.012),
        (cosine(1000), "squaredcos_cap_v2", 1e-4, 0.02),
        (cosine(40), "squaredcos_cap_v2", 1e-4, 0.02),
    ],
)
def test_tables_are_those_of_diffusers(schedule: DiscreteSchedule, name: str, start: float, end: float) -> None:
    theirs = DDPMScheduler(num_train_timesteps=schedule.T, beta_schedule=name, beta_start=start, beta_end=end)
    # Theirs are products of T numbers in float32.
    torch.testing.assert_close(alphas_cumprod(schedule), theirs.alphas_cumprod.double(), rtol=2e-4, atol=1e-7)
    assert schedule.betas is not None
    torch.testing.assert_close(schedule.betas, theirs.betas.double(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", [linear, scaled_linear])
def test_zero_terminal_snr_is_that_of_diffusers(family: Callable[[], DiscreteSchedule]) -> None:
    schedule = rescale_zero_terminal_snr(family())
    theirs = DDPMScheduler(beta_schedule="linear", trained_betas=None, rescale_betas_zero_snr=True)
    if family is scaled_linear:
        theirs = DDPMScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, rescale_betas_zero_snr=True
        )
    torch.testing.assert_close(alphas_cumprod(schedule), theirs.alphas_cumprod.double(), rtol=2e-3, atol=2e-6)


@pytest.mark.parametrize("family", PRESERVING)
def test_zero_terminal_snr_keeps_the_first_level_and_ends_in_pure_noise(
    family: Callable[[], DiscreteSchedule],
) -> None:
    before, after = family(), rescale_zero_terminal_snr(family())
    assert after.signal(1) == pytest.approx(before.signal(1), rel=1e-12)
    assert after.signal(after.T) == 0.0
    assert after.noise(after.T) == 1.0
    assert after.log_snr(after.T) == -math.inf
    assert bool(after.log_snr(torch.tensor([after.T])) == -math.inf)


def test_rescaling_needs_betas() -> None:
    with pytest.raises(ValueError, match="variance-preserving"):
        rescale_zero_terminal_snr(geometric())


def test_the_cosine_follows_its_formula_until_the_cap() -> None:
    schedule = cosine(1000)
    for t in (1, 10, 500, 990):
        f = [math.cos((u / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (t, 0)]
        assert schedule.signal(t) ** 2 == pytest.approx(f[0] / f[1], rel=1e-9)
    assert schedule.betas is not None
    assert float(schedule.betas[-1]) == 0.999


def test_linear_betas_are_an_arithmetic_sequence() -> None:
    schedule = linear(5, 0.1, 0.5)
    assert schedule.signal(3) ** 2 == pytest.approx(0.9 * 0.8 * 0.7)
    assert scaled_linear(3, 0.01, 0.09).signal(2) ** 2 == pytest.approx(0.99 * 0.96)


def test_geometric_is_variance_exploding() -> None:
    schedule = geometric(3, 0.1, 10.0)
    assert [schedule.noise(t) for t in range(4)] == pytest.approx([0, 0.1, 1.0, 10.0])
    assert all(schedule.signal(t) == 1 for t in range(4))
    assert schedule.betas is None
    assert not schedule.variance_preserving
    assert schedule.prior_std(3) == pytest.approx(10.0)
    for bad in ((0.0, 1.0), (2.0, 1.0), (1.0, 1.0)):
        with pytest.raises(ValueError, match="sigma"):
            geometric(3, *bad)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: Callable[[], DiscreteSchedule]) -> None:
    schedule = family()
    times = torch.arange(schedule.T + 1)
    a, s, log_snr = schedule.signal(times), schedule.noise(times), schedule.log_snr(times)
    assert schedule.discrete
    assert a.dtype == s.dtype == log_snr.dtype == F64
    assert (float(a[0]), float(s[0]), float(log_snr[0])) == (1.0, 0.0, math.inf)
    assert bool((log_snr.diff() < 0).all())
    torch.testing.assert_close(log_snr[1:], (a**2 / s**2).log()[1:])
    if schedule.variance_preserving:
        torch.testing.assert_close(a**2 + s**2, torch.ones(schedule.T + 1, dtype=F64))
        assert schedule.prior_std(schedule.T) == 1.0
    for t in (0, 1, schedule.T // 2, schedule.T):
        numbers = (schedule.signal(t), schedule.noise(t), schedule.log_snr(t))
        assert all(isinstance(number, float) for number in numbers)
        assert numbers == pytest.approx((float(a[t]), float(s[t]), float(log_snr[t])), rel=1e-12)


def test_tensors_of_times_keep_their_shape() -> None:
    assert linear().noise(torch.ones(2, 3, 1, dtype=torch.int64)).shape == (2, 3, 1)


@pytest.mark.parametrize("t", [-1, 0.5, 1001, math.inf, math.nan])
def test_times_that_do_not_exist(t: float) -> None:
    schedule = linear()
    with pytest.raises((ValueError, OverflowError)):
        schedule.signal(t)
    with pytest.raises(ValueError):
        schedule.noise(torch.tensor([t]))


@pytest.mark.parametrize("betas", [[-0.1, 0.2], [0.1, 1.1], [0.1, math.nan], [], [[0.1, 0.2]]])
def test_impossible_betas(betas: list[float]) -> None:
    with pytest.raises(ValueError, match="betas"):
        DiscreteSchedule.from_betas("test", torch.tensor(betas))


@pytest.mark.parametrize(
    ("a", "s"),
    [([1.0], [0.0]), ([1.0, 0.5], [0.0]), ([1.0, math.inf], [0.0, 1.0]), ([1.0, 0.5], [0.0, -0.5])],
)
def test_impossible_tables(a: list[float], s: list[float]) -> None:
    with pytest.raises(ValueError, match="table"):
        DiscreteSchedule("test", torch.tensor(a, dtype=F64), torch.tensor(s, dtype=F64))
