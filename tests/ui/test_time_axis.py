"""Where times lie on the timeline, and which time a place is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.diffusion.schedules import SCHEDULES, Schedule
from explorer.engine.frame import ScheduleTable
from explorer.ui.time_axis import SCALES, Scale, nearest, positions


def table(schedule: Schedule) -> ScheduleTable:
    t = torch.arange(schedule.T + 1)
    a, s, log_snr = schedule.signal(t).numpy(), schedule.noise(t).numpy(), schedule.log_snr(t).numpy()
    return ScheduleTable(t.double().numpy(), a, s, log_snr, None)


@pytest.fixture(params=["linear", "cosine", "geometric"])
def schedule(request: pytest.FixtureRequest) -> ScheduleTable:
    return table(SCHEDULES[request.param](200))


@pytest.mark.parametrize("scale", SCALES)
def test_places_rise_from_data_to_noise(schedule: ScheduleTable, scale: Scale) -> None:
    places = positions(200, schedule, scale)
    assert places.shape == (201,)
    assert np.isfinite(places).all()
    assert places[0] == 0
    assert places[-1] == 1
    assert (np.diff(places) >= 0).all()


@pytest.mark.parametrize("scale", SCALES)
def test_nearest_is_the_inverse(schedule: ScheduleTable, scale: Scale) -> None:
    places = positions(200, schedule, scale)
    for t in range(201):
        found = nearest(places, places[t])
        assert places[found] == places[t]
        if np.count_nonzero(places == places[t]) == 1:
            assert found == t
    for place in np.linspace(-0.2, 1.2, 500):
        assert abs(places[nearest(places, place)] - place) == np.abs(places - place).min()


def test_without_a_schedule_time_is_even() -> None:
    for scale in SCALES:
        assert np.allclose(positions(4, None, scale), [0, 0.25, 0.5, 0.75, 1])


def test_the_scales_are_what_they_say(schedule: ScheduleTable) -> None:
    noise = positions(200, schedule, "noise s(t)")
    span = schedule.noise[-1] - schedule.noise[0]
    assert np.allclose(noise, (schedule.noise - schedule.noise[0]) / span)
    by_snr = positions(200, schedule, "log SNR")
    finite = np.isfinite(schedule.log_snr)
    slope, offset = np.polyfit(schedule.log_snr[finite], by_snr[finite], 1)
    assert slope < 0
    assert np.allclose(by_snr[finite], offset + slope * schedule.log_snr[finite])


def test_one_step_and_a_schedule_that_never_changes() -> None:
    flat = ScheduleTable(np.arange(3.0), np.ones(3), np.zeros(3), np.full(3, 5.0), None)
    for scale in SCALES:
        assert list(positions(2, flat, scale)) == [0, 0.5, 1]
    assert nearest(np.array([0.0, 1.0]), 0.4) == 0
    assert nearest(np.array([0.0, 1.0]), 0.6) == 1
