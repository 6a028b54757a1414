"""Two runs beside each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explorer.engine.compare import same_moment
from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.engine.trajectory import Trajectory
from explorer.lenses.drawable import Missing
from explorer.request import Guidance, Look, Replay
from tests.engine.running import LENSES, arrays, request_of, run


def beside(engine: Engine, path: str, step: int, against: int) -> Seen:
    (frame,) = engine.answer(Look(request_of(path).model, Replay(1, step), 0, Guidance(), LENSES, against))
    assert isinstance(frame, Seen)
    return frame


def test_the_same_step_of_both_and_their_difference(engine: Engine, pictures: str) -> None:
    first = run(engine, request_of(pictures))
    second = run(engine, request_of(pictures, run=2, seed=5))
    seen = beside(engine, pictures, 2, 2)
    assert seen.against == (2, 2, second[2].t)
    for name in LENSES:
        np.testing.assert_array_equal(seen.tiles[name].data, first[2].tiles[name].data)
        np.testing.assert_array_equal(seen.tiles[f"{name}:b"].data, second[2].tiles[name].data)
        difference = first[2].tiles[name].data - second[2].tiles[name].data
        np.testing.assert_array_equal(seen.tiles[f"{name}:difference"].data, difference)
    assert seen.tiles["x_t:difference"].note.startswith("r.m.s. ")


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4])
def test_another_plan_is_met_at_the_nearest_time(engine: Engine, pictures: str, step: int) -> None:
    first = run(engine, request_of(pictures))
    second = run(engine, request_of(pictures, "ddpm", run=2, steps=17, parameters={}))
    against = beside(engine, pictures, step, 2).against
    assert against is not None
    assert abs(against[2] - first[step].t) == min(abs(frame.t - first[step].t) for frame in second)


def test_of_steps_at_one_time_the_one_of_the_nearest_number_is_met() -> None:
    """As where runs stay at each level for several steps, of which one run makes more than the other."""

    def made(*times: float) -> Trajectory:
        return Trajectory(times, (), scalars=[{} for _ in times])

    few, many = made(9, 5, 5, 2), made(9, 9, 9, 5, 5, 5, 2)
    assert [same_moment(few, index, many) for index in range(4)] == [0, 3, 3, 6]
    assert [same_moment(many, index, few) for index in range(7)] == [0, 0, 0, 2, 2, 2, 3]


def test_a_run_is_compared_while_it_is_made(engine: Engine, pictures: str) -> None:
    first = run(engine, request_of(pictures))
    second = run(engine, replace(request_of(pictures, run=2, seed=3), against=1))
    for frame, other in zip(second, first, strict=True):
        assert frame.against == (1, frame.step, frame.t)
        np.testing.assert_array_equal(frame.tiles["x_t:b"].data, other.tiles["x_t"].data)
    assert not np.array_equal(arrays(second)[0], arrays(first)[0])


def test_points_are_joined_by_arrows(engine: Engine, points: str) -> None:
    run(engine, request_of(points))
    run(engine, request_of(points, run=2, seed=3))
    seen = beside(engine, points, 1, 2)
    np.testing.assert_allclose(
        seen.tiles["x_t:b"].data + seen.tiles["x_t:difference"].data, seen.tiles["x_t"].data, atol=1e-6
    )


def test_what_cannot_be_compared_is_shown_alone(engine: Engine, pictures: str) -> None:
    run(engine, request_of(pictures))
    for against in (1, 7):
        seen = beside(engine, pictures, 1, against)
        assert seen.against is None
        assert set(seen.tiles) == set(LENSES)
    run(engine, request_of(pictures, run=2, count=1))
    difference = beside(engine, pictures, 1, 2).tiles["x_t:difference"]
    assert isinstance(difference, Missing)
    assert "different numbers" in difference.why
