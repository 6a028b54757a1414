"""Runs that cannot be made, and those that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.engine.engine import Engine
from explorer.facts import ModelError
from tests.engine.models import T_PICTURES, change_weights, write_pictures, write_points
from tests.engine.running import arrays, request_of, run


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sampler": "dream"}, r"no sampler called “dream”.*ddim, ddpm, "),
        ({"parameters": {"spacing": "random"}}, r"spacing cannot be “random”; it is one of leading, "),
        ({"parameters": {"spacing": 3}}, r"spacing cannot be “3”"),
        ({"parameters": {"eta": "much"}}, r"eta is a number, not “much”"),
        ({"parameters": {"eta": True}}, r"eta is a number"),
        ({"parameters": {"eta": float("nan")}}, r"eta is a number, not “nan”"),
        ({"parameters": {"clip": 1}}, r"clip is true or false"),
        ({"sampler": "ddpm", "parameters": {"variance": "known"}}, r"variance cannot be “known”"),
        ({"sampler": "annealed_langevin", "parameters": {"steps_per_level": 2.5}}, r"steps_per_level is a number"),
        ({"lenses": ("x_ray",)}, "no lens called “x_ray”"),
        ({"record": True, "count": 10**12}, r"needs at least [\d,]+ GB"),
        ({"record": False, "count": 1, "first": 10**14}, r"needs at least [\d,]+ GB"),
    ],
)
def test_impossible_runs(engine: Engine, pictures: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        run(engine, request_of(pictures, **changes))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("steps", [0, T_PICTURES + 1])
def test_impossible_numbers_of_steps(engine: Engine, pictures: str, steps: int) -> None:
    with pytest.raises(ValueError, match="between 1 and T = 50"):
        run(engine, request_of(pictures, steps=steps))


def test_parameters_of_other_samplers_are_left_out(engine: Engine, pictures: str) -> None:
    plain = run(engine, request_of(pictures, "ddpm"))
    more = run(engine, request_of(pictures, "ddpm", run=2, parameters={"eta": 0.3, "steps_per_level": 3}))
    np.testing.assert_array_equal(arrays(more)[-1], arrays(plain)[-1])


@pytest.mark.parametrize("write", [write_pictures, lambda folder: write_points(folder, "mlp")])
def test_a_network_that_overflows_ends_the_run_in_a_sentence(engine: Engine, folder: Path, write: Any) -> None:
    change_weights(write(folder), 1e20)
    with pytest.raises(ModelError, match=r"not finite at step \d+ \(t = \d+\)\.|finite numbers at step") as caught:
        run(engine, request_of(str(folder)))
    assert "\n" not in str(caught.value)


def test_a_run_that_explodes_says_what_to_do(engine: Engine, points: str) -> None:
    request = request_of(points, "langevin", steps=400, parameters={"step_size": 1e4}, lenses=("x_t",))
    with pytest.raises(ModelError, match=r"finite numbers at step \d+ \(t = \d+\): try smaller steps\."):
        run(engine, request)


def test_after_a_failure_the_engine_goes_on(engine: Engine, points: str) -> None:
    def frames() -> Iterator[Any]:
        return engine.answer(request_of(points, "langevin", steps=400, parameters={"step_size": 1e4}))

    with pytest.raises(ModelError):
        list(frames())
    assert run(engine, request_of(points))[-1].finished
