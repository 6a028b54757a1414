"""Branches: a new run that begins as another did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.facts import ModelError
from explorer.request import Forward, Guidance, Look, PutIn, Run
from tests.engine.models import SHAPE
from tests.engine.running import LENSES, arrays, assert_same, replay, request_of, run


def branch(request: Run, step: int, **changes: Any) -> Run:
    return replace(request, run=2, branch_of=(request.run, step), **changes)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpmpp_2m", "heun", "annealed_langevin", "langevin"])
@pytest.mark.parametrize("step", [0, 2, 4])
def test_a_branch_that_changes_nothing_is_its_parent(engine: Engine, pictures: str, sampler: str, step: int) -> None:
    request = request_of(pictures, sampler, guidance=Guidance(1, 2.0))
    whole = run(engine, request)
    child = branch(request, step)
    assert_same(run(engine, child), whole[step:])
    assert_same([replay(engine, child, i) for i in range(len(whole))], whole)
    assert replay(engine, child, 0).run == 2


def test_the_steps_of_both_are_shared(engine: Engine, pictures: str) -> None:
    request = request_of(pictures)
    run(engine, request)
    before = engine.runs.nbytes
    run(engine, branch(request, 3, until=3))
    assert engine.runs.nbytes == before
    parent, child = engine.trajectory(1).steps, engine.trajectory(2).steps
    assert len(child) == 4
    assert all(one.x is other.x for one, other in zip(parent, child, strict=False))


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": "ddpm", "parameters": {}},
        {"seed": 77},
        {"guidance": Guidance(2, 3.0)},
        {"parameters": {"eta": 1.0}},
        {"steps": 9},
    ],
)
def test_a_branch_goes_its_own_way_and_the_parent_stays(engine: Engine, pictures: str, changes: dict[str, Any]) -> None:
    request = request_of(pictures)
    whole = run(engine, request)
    child = branch(request, 2, **changes)
    found = run(engine, child)
    np.testing.assert_array_equal(arrays(found)[0], arrays(whole)[2])
    assert not np.array_equal(arrays(found)[-1], arrays(whole)[-1])
    assert_same([replay(engine, child, i) for i in range(2)], whole[:2])
    assert_same([replay(engine, request, i) for i in range(len(whole))], whole)
    assert found[-1].finished
    # And the child is recorded as any run is.
    assert_same([replay(engine, child, frame.step) for frame in found], found)


def test_a_branch_of_a_branch_outlives_both(engine: Engine, pictures: str) -> None:
    request = request_of(pictures, "ddpm")
    whole = run(engine, request)
    run(engine, branch(request, 1, seed=5, until=2))
    run(engine, replace(request, run=3, branch_of=(2, 1), until=1))
    engine.runs._runs.pop(1)
    engine.runs._runs.pop(2)
    assert_same(run(engine, replace(request, run=3, start=1)), whole[1:])


def test_an_edited_x_t_is_where_the_branch_begins(engine: Engine, pictures: str) -> None:
    request = request_of(pictures)
    whole = run(engine, request)
    x_t = arrays(whole)[2] + np.float32(0.25)
    child = branch(request, 2, edited=x_t)
    found = run(engine, child)
    np.testing.assert_array_equal(arrays(found)[0], x_t)
    assert not np.array_equal(arrays(found, "eps")[0], arrays(whole, "eps")[2])
    assert not np.array_equal(arrays(found)[-1], arrays(whole)[-1])
    assert_same(run(engine, child), found)
    assert_same([replay(engine, request, i) for i in range(len(whole))], whole)
    # An edit that changes nothing gives what it was.
    assert_same(run(engine, branch(request, 2, edited=arrays(whole)[2]))[1:], whole[3:])


def test_data_noised_to_the_step_take_its_place(engine: Engine, pictures: str) -> None:
    request = request_of(pictures)
    whole = run(engine, request)
    source = Forward(first=1, noise_seed=8)
    found = run(engine, branch(request, 2, edited=source))
    (seen,) = engine.answer(Look(request.model, replace(source, count=2), whole[2].t, Guidance(), LENSES))
    assert isinstance(seen, Seen)
    np.testing.assert_array_equal(arrays(found)[0], seen.tiles["x_t"].data)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (np.zeros((1, *SHAPE), np.float32), r"x_t must have the shape \(2, 1, 8, 8\) here, not \(1, 1, 8, 8\)\."),
        (np.full((2, *SHAPE), np.nan, np.float32), "not finite"),
    ],
)
def test_edits_that_cannot_be(engine: Engine, pictures: str, edit: Any, says: str) -> None:
    request = request_of(pictures)
    whole = run(engine, request)
    with pytest.raises(ModelError, match=says):
        run(engine, branch(request, 1, edited=edit))
    assert_same([replay(engine, request, 1)], whole[1:2])


def test_a_branch_of_a_run_that_is_gone(engine: Engine, pictures: str) -> None:
    with pytest.raises(ModelError, match="no longer kept"):
        run(engine, branch(request_of(pictures), 1))
    run(engine, request_of(pictures, until=1))
    with pytest.raises(ModelError, match="start it again"):
        run(engine, branch(request_of(pictures), 1, count=3))


def test_runs_that_are_no_longer_wanted_are_forgotten(engine: Engine, pictures: str) -> None:
    for number in (1, 2, 3):
        run(engine, request_of(pictures, run=number, until=0))
    run(engine, request_of(pictures, run=4, until=0, wanted=(2,)))
    for number in (1, 3):
        with pytest.raises(ModelError, match="no longer kept"):
            engine.trajectory(number)
    assert engine.trajectory(2).made == engine.trajectory(4).made == 1


INSIDE = np.zeros(SHAPE[1:], np.float32)
INSIDE[2:5, 1:4] = 1


def put(engine: Engine, path: str, *, onto: np.ndarray[Any, Any], **changes: Any) -> np.ndarray[Any, Any]:
    request = request_of(path)
    run(engine, request)
    edited = replace(PutIn(Forward(first=3, noise_seed=5), INSIDE, onto), **changes)
    return arrays(run(engine, branch(request, 2, edited=edited, until=2)))[0]


def test_data_is_put_into_some_pixels(engine: Engine, pictures: str) -> None:
    onto = np.full((2, *SHAPE), 0.25, np.float32)
    mixed = put(engine, pictures, onto=onto)
    noised = arrays(run(engine, branch(request_of(pictures), 2, edited=Forward(first=3, noise_seed=5), until=2)))[0]
    np.testing.assert_array_equal(mixed, np.where(INSIDE > 0, noised, onto))


def test_a_picture_is_scaled_to_the_frame_of_some_pixels(engine: Engine, pictures: str, tmp_path: Path) -> None:
    dark, onto = tmp_path / "dark.png", np.full((2, *SHAPE), 0.25, np.float32)
    Image.new("L", (300, 200), 0).save(dark)
    source = Forward(picture=str(dark), noise_seed=5)
    fitted = put(engine, pictures, onto=onto, source=source, box=(2, 1, 3, 3))
    np.testing.assert_array_equal(fitted, put(engine, pictures, onto=onto, source=source))  # it is dark all over


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"where": np.ones((2, 2), np.float32)}, "The selection must have the shape"),
        ({"onto": np.zeros((1, *SHAPE), np.float32)}, "x_t must have the shape"),
        ({"onto": np.full((2, *SHAPE), np.nan, np.float32)}, "not finite"),
        ({"source": Forward(picture="/nowhere.png"), "box": (0, 0, 9, 99)}, "beside x_t"),
        ({"source": Forward(picture="/nowhere.png"), "box": (-1, 0, 4, 4)}, "beside x_t"),
    ],
)
def test_what_cannot_be_put_in_is_one_sentence(
    engine: Engine, pictures: str, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ModelError, match=says) as error:
        put(engine, pictures, **{"onto": np.zeros((2, *SHAPE), np.float32), **changes})
    assert "\n" not in str(error.value)
