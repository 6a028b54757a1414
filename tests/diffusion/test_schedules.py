"""Schedules against their closed forms and against diffusers' tables."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from explorer.diffusion.schedules import (
    CONTINUOUS,
    DISCRETE,
    SCHEDULES,
    VESDE,
    VPSDE,
    ContinuousSchedule,
    DiscreteSchedule,
    RectifiedFlow,
    Schedule,
    SubVPSDE,
    cosine,
    geometric,
    karras,
    laplace,
    linear,
    rescale_zero_terminal_snr,
    scaled_linear,
    sigmoid,
    sigmoid_alpha_bar,
    trained,
)

F64 = torch.float64
PRESERVING = [linear, scaled_linear, cosine, sigmoid, sigmoid_alpha_bar, laplace]


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
        (sigmoid(1000), "sigmoid", 1e-4, 0.02),
        (sigmoid(50, 1e-3, 0.3), "sigmoid", 1e-3, 0.3),
        (laplace(1000), "laplace", 1e-4, 0.02),
        (laplace(40), "laplace", 1e-4, 0.02),
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


@pytest.mark.parametrize("family", [*DISCRETE.values(), trained([0.1, 0.2, 0.9])], ids=[*DISCRETE, "trained"])
def test_tables_know_whole_times_alone(family: Callable[[], DiscreteSchedule] | DiscreteSchedule) -> None:
    schedule = family if isinstance(family, DiscreteSchedule) else family()
    assert schedule.discrete
    with pytest.raises(ValueError, match="discrete"):
        schedule.signal(1.5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_family(name: str) -> None:
    schedule = SCHEDULES[name]()
    times = torch.arange(schedule.T + 1)
    a, s, log_snr = schedule.signal(times), schedule.noise(times), schedule.log_snr(times)
    assert schedule.name == name
    assert schedule.discrete is (name in DISCRETE)
    assert a.dtype == s.dtype == log_snr.dtype == F64
    assert (float(a[0]), float(s[0]), float(log_snr[0])) == (1.0, 0.0, math.inf)
    assert bool((log_snr.diff() < 0).all())
    torch.testing.assert_close(log_snr[1:], (a**2 / s**2).log()[1:])
    assert (schedule.betas is not None) is schedule.variance_preserving
    if schedule.variance_preserving:
        torch.testing.assert_close(a**2 + s**2, torch.ones(schedule.T + 1, dtype=F64))
        assert schedule.prior_std(schedule.T) == 1.0
    for t in (0, 1, schedule.T // 2, schedule.T):
        numbers = (schedule.signal(t), schedule.noise(t), schedule.log_snr(t))
        assert all(isinstance(number, float) for number in numbers)
        assert numbers == pytest.approx((float(a[t]), float(s[t]), float(log_snr[t])), rel=1e-12)


def test_sigmoid_alpha_bar_follows_its_formula() -> None:
    schedule = sigmoid_alpha_bar(1000, -2.0, 3.0, 0.7)
    for t in (1, 400, 900):
        f = [torch.sigmoid(torch.tensor(z / 0.7, dtype=F64)) for z in (3.0, -2.0 + 5.0 * t / 1000, -2.0)]
        assert schedule.signal(t) ** 2 == pytest.approx(float((f[0] - f[1]) / (f[0] - f[2])), rel=1e-9)
    for bad in ((1.0, 1.0, 1.0), (-1.0, 1.0, 0.0)):
        with pytest.raises(ValueError, match="tau"):
            sigmoid_alpha_bar(10, *bad)


def test_laplace_log_snr_is_a_quantile_function() -> None:
    """Of ᾱ² rather than ᾱ, as in diffusers; relative to its value at t = 0, which is not quite 1."""
    schedule = laplace(1000, scale=0.8)
    for u in (0.1, 0.5, 0.7):
        quantile = -0.8 * math.copysign(1, 0.5 - u) * math.log(1 - 2 * abs(0.5 - u) + 1e-6)
        first = 1 / (1 + math.exp(0.8 * math.log(1e-6)))
        expected = 1 / (1 + math.exp(-quantile)) / first
        assert schedule.signal(round(1000 * u)) ** 4 == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="scale"):
        laplace(10, scale=0.0)


def test_trained_betas_are_taken_as_they_are() -> None:
    schedule = trained([0.1, 0.2, 0.9])
    assert schedule.name == "trained betas"
    assert schedule.betas is not None
    assert schedule.betas.tolist() == [0.1, 0.2, 0.9]
    assert schedule.signal(3) ** 2 == pytest.approx(0.9 * 0.8 * 0.1)
    with pytest.raises(ValueError, match="betas"):
        trained([0.1, 2.0])


def test_karras_levels_are_those_of_edm() -> None:
    """Karras et al. 2022, eq. 5, which counts from σ_max down."""
    n, schedule = 18, karras(18, 0.002, 80.0, 7.0)
    for i in range(n):
        sigma = (80 ** (1 / 7) + i / (n - 1) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
        assert schedule.noise(n - i) == pytest.approx(sigma)
    assert schedule.prior_std(n) == pytest.approx(80.0)
    for bad in ((0.0, 1.0, 7.0), (1.0, 1.0, 7.0), (0.1, 1.0, 0.0)):
        with pytest.raises(ValueError, match="sigma"):
            karras(3, *bad)


@pytest.mark.parametrize("u", [0.001, 0.25, 0.5, 1.0])
def test_marginals_of_the_sdes(u: float) -> None:
    """∫β of the VP SDE by the trapezium rule, which is exact for a linear β (Song et al. 2021, eq. 29)."""
    integral = u * (0.1 + (0.1 + u * 19.9)) / 2
    for schedule in (VPSDE(), SubVPSDE()):
        assert schedule.signal(1000 * u) == pytest.approx(math.exp(-integral / 2))
    assert VPSDE().noise(1000 * u) == pytest.approx(math.sqrt(1 - math.exp(-integral)))
    assert SubVPSDE().noise(1000 * u) == pytest.approx(1 - math.exp(-integral))
    assert VESDE(sigma_min=0.02, sigma_max=10.0).noise(1000 * u) == pytest.approx(0.02 * 500**u)
    assert VESDE().signal(1000 * u) == 1.0
    assert RectifiedFlow(10).signal(10 * u) == pytest.approx(1 - u)
    assert RectifiedFlow(10).noise(10 * u) == pytest.approx(u)


def test_the_vp_sde_at_whole_times_is_a_chain_with_betas() -> None:
    continuous = VPSDE(200)
    assert continuous.betas is not None
    discrete, times = trained(continuous.betas), torch.arange(201)
    torch.testing.assert_close(discrete.signal(times), continuous.signal(times))
    torch.testing.assert_close(discrete.noise(times), continuous.noise(times))
    # Ho et al.'s linear β is its first-order discretisation: β_t = β(t/T)/T.
    torch.testing.assert_close(VPSDE().betas, linear(1000).betas, rtol=0.06, atol=1e-4)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_time(name: str) -> None:
    """λ decreases between the whole numbers too, no matter how T divides 0 … 1, and `time` is the inverse of s/a."""
    schedule, coarse = CONTINUOUS[name](), CONTINUOUS[name](4)
    times = torch.linspace(0, 1000, 4001, dtype=F64)
    assert bool((schedule.log_snr(times).diff() < 0).all())
    torch.testing.assert_close(schedule.signal(times), coarse.signal(times / 250))
    torch.testing.assert_close(schedule.noise(times), coarse.noise(times / 250))
    for t in (0.25, 1.0, 17.3, 500.0, 999.5):
        assert schedule.time(schedule.noise(t) / schedule.signal(t)) == pytest.approx(t, rel=1e-6)
    assert schedule.time(0.0) == 0.0
    assert schedule.time(math.inf) == 1000.0
    assert schedule.time(1e-12) == pytest.approx(0.0, abs=1e-7)
    assert schedule.noise(torch.tensor(1.5)).shape == ()


def test_rectified_flow_ends_in_pure_noise() -> None:
    schedule = RectifiedFlow()
    assert schedule.log_snr(1000) == -math.inf
    assert schedule.prior_std(1000) == 1.0


@pytest.mark.parametrize("t", [-0.1, 1000.1, math.inf, math.nan])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_times_outside_a_continuous_schedule(name: str, t: float) -> None:
    schedule: ContinuousSchedule = CONTINUOUS[name]()
    with pytest.raises(ValueError, match="between 0 and 1000"):
        schedule.noise(t)
    with pytest.raises(ValueError, match="between 0 and 1000"):
        schedule.signal(torch.tensor([1.0, t]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: VPSDE(0),
        lambda: VPSDE(beta_min=-1.0),
        lambda: SubVPSDE(beta_min=2.0, beta_max=1.0),
        lambda: VESDE(sigma_min=0.0),
        lambda: VESDE(sigma_min=2.0, sigma_max=1.0),
    ],
)
def test_impossible_sdes(make: Callable[[], Schedule]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        make()


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
