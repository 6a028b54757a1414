"""Spacings of a sampler's times against those of diffusers."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

from explorer.diffusion.schedules import (
    SCHEDULES,
    VESDE,
    VPSDE,
    RectifiedFlow,
    Schedule,
    cosine,
    geometric,
    linear,
    rescale_zero_terminal_snr,
)
from explorer.diffusion.times import (
    EVEN,
    Spacing,
    karras_times,
    parse_times,
    planned_times,
    spaced_times,
    time_at_ratio,
    times_at_ratios,
)


@pytest.mark.parametrize("spacing", EVEN)
@pytest.mark.parametrize("T", [1000, 50, 37])
@pytest.mark.parametrize("steps", [2, 5, 7, 10, 25, 37])
def test_times_are_those_of_diffusers(spacing: Spacing, T: int, steps: int) -> None:
    theirs = DDIMScheduler(num_train_timesteps=T, timestep_spacing=spacing, steps_offset=0)
    theirs.set_timesteps(steps)
    assert spaced_times(T, steps, spacing) == [int(index) + 1 for index in theirs.timesteps] + [0]


@pytest.mark.parametrize("spacing", EVEN)
@pytest.mark.parametrize("T", [1, 2, 10, 1000])
def test_times_descend_to_0(spacing: Spacing, T: int) -> None:
    for steps in {1, 2, T // 3, T // 2, T - 1, T} & set(range(1, T + 1)):
        times = spaced_times(T, steps, spacing)
        assert len(times) == steps + 1
        assert times[-1] == 0
        assert times[0] <= T
        assert all(later > earlier for later, earlier in pairwise(times))


def test_trailing_and_linspace_begin_at_T() -> None:
    for steps in (1, 3, 50, 1000):
        assert spaced_times(1000, steps, "trailing")[0] == 1000
        assert spaced_times(1000, steps, "linspace")[0] == 1000


def test_all_steps_are_all_times() -> None:
    for spacing in EVEN:
        assert spaced_times(40, 40, spacing) == list(range(40, -1, -1))


@pytest.mark.parametrize("steps", [0, -1, 11])
def test_impossible_numbers_of_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="between 1 and T = 10"):
        spaced_times(10, steps)


def test_unknown_spacing() -> None:
    for spacing in ("random", "karras"):
        with pytest.raises(ValueError, match="unknown spacing"):
            spaced_times(10, 5, spacing)  # type: ignore[arg-type]  # a wrong name is what is tested


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [5, 10, 20])
def test_karras_times_are_those_of_diffusers(steps: int) -> None:
    """Theirs are fractions on the scale of the table's index, interpolated in log σ: half a step, and what the
    straight line between two entries leaves."""
    theirs = EulerDiscreteScheduler(beta_schedule="linear", beta_start=1e-4, beta_end=0.02, use_karras_sigmas=True)
    theirs.set_timesteps(steps)
    mine = karras_times(linear(), steps)[:-1]
    # At the low end the table is coarser than the spacing, and times that coincide are one.
    expected = sorted({max(1, round(float(index)) + 1) for index in theirs.timesteps}, reverse=True)
    assert len(mine) == len(expected)
    assert max(abs(t - other) for t, other in zip(mine, expected, strict=True)) <= 1


def test_karras_sigmas_on_a_continuous_schedule() -> None:
    """Even in σ^(1/7) between the ends, which are t = T and t = 1."""
    for schedule in (VPSDE(), VESDE()):
        times = karras_times(schedule, 9)
        assert times[0] == schedule.T
        assert times[-2:] == [1, 0]
        roots = torch.tensor([(schedule.noise(t) / schedule.signal(t)) ** (1 / 7) for t in times[:-1]])
        torch.testing.assert_close(roots.diff(), roots.diff().mean().expand(8), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "schedule",
    [*(family() for family in SCHEDULES.values()), rescale_zero_terminal_snr(cosine(50)), RectifiedFlow(3)],
    ids=lambda schedule: schedule.name,
)
def test_karras_times_descend_to_0_on_every_schedule(schedule: Schedule) -> None:
    for steps in {1, 2, 3, schedule.T // 2, schedule.T} & set(range(1, schedule.T + 1)):
        times = karras_times(schedule, steps)
        assert times[0] == schedule.T
        assert times[-1] == 0
        assert len(times) <= steps + 1
        assert all(later > earlier for later, earlier in pairwise(times))
        if schedule.discrete:
            assert all(isinstance(t, int) for t in times)
    with pytest.raises(ValueError, match="between 1 and T"):
        karras_times(schedule, 0)


def test_a_list_of_the_users_own() -> None:
    assert parse_times(linear(), "1000, 600,300 100") == [1000, 600, 300, 100, 0]
    assert parse_times(linear(), "12,0") == [12, 0]
    assert parse_times(VPSDE(), "900.5, 0.25") == [900.5, 0.25, 0]
    assert planned_times(linear(), 50, "custom", "40, 3") == [40, 3, 0]
    assert planned_times(linear(), 2, "trailing") == [1000, 500, 0]
    assert planned_times(linear(), 2, "karras") == [1000, 1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a list"),
        ("0", "needs a list"),
        ("ten, five", "numbers with commas"),
        ("1001, 5", "between 0 and T = 1000"),
        ("5, -1", "between 0 and T = 1000"),
        ("nan", "between 0 and T = 1000"),
        ("5, 5", "smaller than the one before"),
        ("5, 6", "smaller than the one before"),
        ("5, 2.5", "whole times"),
    ],
)
def test_lists_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse_times(linear(), text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("schedule", [cosine(), geometric()], ids=lambda schedule: schedule.name)
def test_times_at_ratios_finds_every_time(schedule: Schedule) -> None:
    times = list(range(1, schedule.T + 1))
    assert times_at_ratios(schedule, [schedule.noise(t) / schedule.signal(t) for t in times]) == times
    assert times_at_ratios(schedule, [0.0, 1e9]) == [1, schedule.T]
    # Between two times the nearer by log σ.
    low, high = (schedule.noise(t) / schedule.signal(t) for t in (40, 41))
    assert times_at_ratios(schedule, [low**0.6 * high**0.4, low**0.4 * high**0.6]) == [40, 41]


def test_time_at_ratio_of_a_continuous_schedule_is_a_real_number() -> None:
    schedule = RectifiedFlow(10)
    assert time_at_ratio(schedule, 1.0) == pytest.approx(5.0)
    assert time_at_ratio(schedule, 3.0) == pytest.approx(7.5)
    assert time_at_ratio(schedule, 0.0) == 1.0
    assert time_at_ratio(schedule, 1e12) == pytest.approx(10.0)
    assert time_at_ratio(rescale_zero_terminal_snr(cosine(10)), 1e12) == 9
