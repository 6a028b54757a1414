"""Schedules with another number of times."""

from __future__ import annotations

import pytest
import torch

from explorer.diffusion.schedules import (
    VPSDE,
    DiscreteSchedule,
    Schedule,
    geometric,
    linear,
    rescale_zero_terminal_snr,
)
from explorer.diffusion.schedules.learned import LearnedSchedule
from explorer.diffusion.schedules.resampled import Resampled, resampled


@pytest.mark.parametrize("T", [1, 7, 100, 1000])
@pytest.mark.parametrize("schedule", [linear(50, 1e-3, 0.2), geometric(50)], ids=lambda schedule: schedule.name)
def test_the_ends_stay_and_noise_only_grows(schedule: DiscreteSchedule, T: int) -> None:
    found = resampled(schedule, T)
    assert isinstance(found, Resampled)
    assert (found.T, found.entries) == (T, 50)
    assert (found.signal(0), found.noise(0)) == (1, 0)
    assert found.noise(1) == pytest.approx(schedule.noise(1), rel=1e-12)
    if T > 1:
        assert found.noise(T) == pytest.approx(schedule.noise(50), rel=1e-12)
        assert bool((found.log_snr(torch.arange(1, T + 1)).diff() < 0).all())
    assert found.variance_preserving == schedule.variance_preserving
    if found.betas is not None:
        torch.testing.assert_close((1 - found.betas).cumprod(0).sqrt(), found.signal(torch.arange(1, T + 1)))


def test_every_second_entry_is_the_same() -> None:
    """99 times from 50: the levels of the table are among them."""
    for schedule in (linear(50, 1e-3, 0.2), geometric(50)):
        found, times = resampled(schedule, 99), torch.arange(1, 51)
        torch.testing.assert_close(found.noise(2 * times - 1), schedule.noise(times), rtol=1e-12, atol=0)
        torch.testing.assert_close(found.signal(2 * times - 1), schedule.signal(times), rtol=1e-12, atol=0)


def test_continuous_time_is_the_same_function() -> None:
    for schedule in (VPSDE(100), LearnedSchedule(100)):
        found: Schedule = resampled(schedule, 1000)
        assert found.T == 1000
        assert found.log_snr(730) == pytest.approx(schedule.log_snr(73), rel=1e-12)


def test_without_any_signal_there_is_no_other_number_of_times() -> None:
    schedule = rescale_zero_terminal_snr(linear(50))
    assert resampled(schedule, 50) is schedule
    with pytest.raises(ValueError, match="its own T = 50 alone"):
        resampled(schedule, 60)
