"""What the plots say of a schedule that a run cannot begin on, or that does not fall."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.diffusion.schedules import SCHEDULES, DiscreteSchedule, Schedule, geometric, scaled_linear, trained
from explorer.engine.frame import ScheduleTable
from explorer.ui.curves import schedule_warning

T = 50


def table(schedule: Schedule) -> ScheduleTable:
    t = torch.arange(schedule.T + 1)
    a, s, log_snr = (f(t).numpy() for f in (schedule.signal, schedule.noise, schedule.log_snr))
    return ScheduleTable(t.double().numpy(), a, s, log_snr, None)


@pytest.mark.parametrize("name", sorted(SCHEDULES.keys() - {"scaled_linear", "laplace", "geometric"}))
def test_schedules_that_end_in_noise(name: str) -> None:
    assert schedule_warning(table(SCHEDULES[name](1000))) == ""


@pytest.mark.parametrize("schedule", [scaled_linear(), geometric(T, 0.01, 5.0)], ids=lambda schedule: schedule.name)
def test_signal_that_is_left_at_the_end(schedule: Schedule) -> None:
    """Of both families: a variance that explodes not far enough leaves signal too."""
    final = schedule.signal(schedule.T) ** 2 / schedule.noise(schedule.T) ** 2
    assert f"SNR(T) = {final:.2g} is not near 0" in schedule_warning(table(schedule))


def test_snr_that_rises() -> None:
    sigmas = np.linspace(0.1, 100, T)
    sigmas[20] = sigmas[18]
    noise = torch.tensor([0.0, *sigmas], dtype=torch.float64)
    rising = DiscreteSchedule("rising", torch.ones(T + 1, dtype=torch.float64), noise)
    assert "not monotone" in schedule_warning(table(rising))


def test_snr_that_stands_still() -> None:
    """A β of 0 among those that a model was trained with."""
    betas = np.linspace(1e-3, 0.5, T)
    betas[10] = 0
    assert "not strictly monotone" in schedule_warning(table(trained(betas.tolist())))
