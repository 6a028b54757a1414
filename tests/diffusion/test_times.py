"""Spacings of a sampler's times against those of diffusers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from explorer.diffusion.times import SPACINGS, Spacing, spaced_times


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("T", [1000, 50, 37])
@pytest.mark.parametrize("steps", [2, 5, 7, 10, 25, 37])
def test_times_are_those_of_diffusers(spacing: Spacing, T: int, steps: int) -> None:
    theirs = DDIMScheduler(num_train_timesteps=T, timestep_spacing=spacing, steps_offset=0)
    theirs.set_timesteps(steps)
    assert spaced_times(T, steps, spacing) == [int(index) + 1 for index in theirs.timesteps] + [0]


@pytest.mark.parametrize("spacing", SPACINGS)
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
    for spacing in SPACINGS:
        assert spaced_times(40, 40, spacing) == list(range(40, -1, -1))


@pytest.mark.parametrize("steps", [0, -1, 11])
def test_impossible_numbers_of_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="between 1 and T = 10"):
        spaced_times(10, steps)


def test_unknown_spacing() -> None:
    with pytest.raises(ValueError, match="unknown spacing"):
        spaced_times(10, 5, "random")  # type: ignore[arg-type]
