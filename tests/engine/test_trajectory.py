"""What is recorded of a run, and the plan it goes on with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import Step
from explorer.engine.scalars import scalars
from explorer.engine.trajectory import Segment, Trajectory
from explorer.request import Guidance, ModelRef, Run


def request(start: int | None = None, record: bool = True) -> Run:
    return Run(ModelRef("m"), 1, "ddim", 3, 0, 1, Guidance(), (), start=start, record=record)


def step(index: int, t: float, x: Tensor | None = None) -> Step:
    x = torch.full((2, 3), float(index)) if x is None else x
    prediction = Prediction(x, t, 0.8, 0.6 if t else 0.0, "eps", x + 1)
    return Step(index, t, x, prediction, prediction.x0, {"drift": float(index)})


def begun(times: list[int], record: bool = True) -> Trajectory:
    return Trajectory(tuple(times), (Segment(request(record=record), 0),))


def made(times: list[int], count: int) -> Trajectory:
    """A run with its first `count` steps made."""
    trajectory = begun(times)
    for index in range(count):
        trajectory.record(step(index, times[index]))
    return trajectory


def test_steps_are_kept_in_order() -> None:
    trajectory = made([9, 5, 0], 3)
    assert [s.index for s in trajectory.steps] == [0, 1, 2]
    assert len(trajectory.scalars) == 3


def test_recording_a_step_again_drops_what_followed() -> None:
    trajectory = made([9, 5, 2, 0], 4)
    again = step(1, 5)
    trajectory.record(again)
    assert [s.index for s in trajectory.steps] == [0, 1]
    assert trajectory.steps[1].x is again.x
    assert len(trajectory.scalars) == 2


def test_without_a_record_the_last_step_stays() -> None:
    trajectory = begun([9, 5, 0], record=False)
    for index, t in enumerate(trajectory.times):
        trajectory.record(step(index, t))
    assert [s.index for s in trajectory.steps] == [2]
    assert len(trajectory.scalars) == 1


def test_scalars_are_root_mean_squares() -> None:
    generator = torch.Generator().manual_seed(0)
    first = step(0, 7, torch.randn(4, 5, generator=generator))
    second = step(1, 3, torch.randn(4, 5, generator=generator))
    trajectory = begun([7, 3])
    trajectory.record(first)
    trajectory.record(second)

    def rms(x: Tensor) -> float:
        return float(np.sqrt(np.square(x.numpy()).mean()))

    one, other = trajectory.scalars
    assert set(one) == {"x_t", "eps", "score", "drift"}  # there is nothing before it to change from
    assert set(other) == {"x_t", "eps", "score", "x0_change", "drift", "eps_cosine"}
    assert other["score"] == pytest.approx(rms(second.prediction.score))
    a, b = first.prediction.eps.numpy(), second.prediction.eps.numpy()
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert other["eps_cosine"] == pytest.approx(cosines.mean(), abs=1e-6)
    assert other["x_t"] == pytest.approx(rms(second.x))
    assert other["eps"] == pytest.approx(rms(second.prediction.eps))
    assert other["x0_change"] == pytest.approx(rms(second.x0 - first.x0))
    assert other["drift"] == 1.0


def test_pixels_outside_the_range_are_counted() -> None:
    one = step(0, 7, torch.randn(4, 5, generator=torch.Generator().manual_seed(0)))
    x0 = one.prediction.x0.numpy()
    found = scalars(one, None, (-0.5, 1.0))
    assert found["clipped"] == pytest.approx(((x0 < -0.5) | (x0 > 1.0)).mean())
    assert "clipped" not in scalars(one, None, None)


def test_a_langevin_step_has_a_signal_to_noise_ratio() -> None:
    one = replace(step(0, 7, torch.ones(4, 5)), extras={"drift": 0.3, "diffusion": 2.0})
    assert scalars(one, None, None)["snr"] == pytest.approx(0.15)
    assert "snr" not in scalars(replace(one, extras={"drift": 0.3}), None, None)


def test_at_t_0_there_is_no_noise_to_measure() -> None:
    trajectory = made([5, 0], 2)
    assert "eps" in trajectory.scalars[0]
    assert "eps" not in trajectory.scalars[1]


def test_on_meta_the_sizes_are_unknown() -> None:
    trajectory = begun([5])
    trajectory.record(step(0, 5, torch.empty(2, 2, device="meta")))
    assert math.isnan(trajectory.scalars[0]["x_t"])


@pytest.mark.parametrize(
    ("old", "start", "new", "expected"),
    [
        # The same plan, or one that differs only ahead: taken as it is.
        ([9, 6, 3, 0], 1, [9, 6, 3, 0], [9, 6, 3, 0]),
        ([9, 6, 3, 0], 1, [9, 6, 4, 2, 0], [9, 6, 4, 2, 0]),
        ([9, 6, 3, 0], 3, [9, 6, 3, 0], [9, 6, 3, 0]),
        # Another plan: what lies ahead of it.
        ([9, 6, 3, 0], 1, [9, 8, 7, 6, 5, 4, 0], [9, 6, 5, 4, 0]),
        ([9, 6, 3, 0], 1, [8, 7, 1, 0], [9, 6, 1, 0]),
        ([9, 6, 3, 0], 0, [4, 0], [9, 4, 0]),
        # Levels: updates already made at the present one count.
        ([9, 9, 9, 4, 4, 4, 0], 1, [9, 9, 9, 9, 9, 4, 4, 0], [9, 9, 9, 9, 9, 4, 4, 0]),
        ([9, 9, 9, 4, 4, 4, 0], 4, [9, 9, 4, 4, 4, 4, 4, 0], [9, 9, 9, 4, 4, 4, 4, 4, 0]),
        ([9, 9, 9, 4, 4, 4, 0], 5, [9, 4, 0], [9, 9, 9, 4, 4, 4, 0]),
        ([9, 9, 9, 4, 4, 4, 0], 2, [9, 4, 2, 0], [9, 9, 9, 4, 2, 0]),
        # Nothing is left to do.
        ([9, 9, 9], 2, [9], [9, 9, 9]),
        ([9, 4, 0], 2, [7, 3, 0], [9, 4, 0]),
    ],
)
def test_plans_that_go_on(old: list[int], start: int, new: list[int], expected: list[int]) -> None:
    earlier = made(old, len(old))
    trajectory = earlier.continued(request(start), new, start, goes_on=True)
    assert list(trajectory.times) == expected
    assert [s.x for s in trajectory.steps] == [s.x for s in earlier.steps[: start + 1]]  # shared, not copied
    assert trajectory.scalars == earlier.scalars[: start + 1]
    assert len(earlier.steps) == len(old)  # the earlier one is left alone
    assert trajectory.request.start == start
