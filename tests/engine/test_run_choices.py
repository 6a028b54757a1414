"""Label and guidance of a run, and what is chosen anew on the way."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.engine.engine import Engine
from explorer.request import Guidance, Run
from tests.engine.running import NOISY, arrays, request_of, run


def test_label_and_guidance_reach_the_network(engine: Engine, pictures: str) -> None:
    def result(guidance: Guidance) -> NDArray[np.float32]:
        return arrays(run(engine, request_of(pictures, guidance=guidance)))[-1]

    found = [result(Guidance(*choice)) for choice in ((None,), (0,), (1,), (1, 4.0))]
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one - other).max() > 1e-3
    np.testing.assert_array_equal(result(Guidance(1, 0.0)), found[0])


def test_a_labelled_run_of_the_exact_model_lands_in_its_component(engine: Engine, points: str) -> None:
    for label, side in (0, -1), (1, 1):
        request = request_of(points, steps=30, count=40, guidance=Guidance(label), parameters={"clip": False})
        assert (side * arrays(run(engine, request))[-1][:, 0] > 0).mean() > 0.9


def test_every_step_calls_the_network_once(engine: Engine, pictures: str, points: str) -> None:
    for sampler, guidance in zip(NOISY, (Guidance(), Guidance(1), Guidance(1, 3.0), Guidance(1, 0.0)), strict=True):
        made = run(engine, request_of(pictures, sampler, guidance=guidance))
        assert {frame.network_calls for frame in made} == {1}
    made = run(engine, request_of(points))
    assert {frame.network_calls for frame in made} == {2}  # and once more for the score's arrows


def test_another_label_on_the_way(engine: Engine, pictures: str) -> None:
    """x_t stays; what the network says of it is asked anew."""
    whole = run(engine, request_of(pictures, guidance=Guidance(0)))
    made = run(engine, request_of(pictures, start=2, guidance=Guidance(1)))
    assert made[0].network_calls == 1
    np.testing.assert_array_equal(arrays(made)[0], arrays(whole)[2])
    assert np.abs(arrays(made, "x0")[0] - arrays(whole, "x0")[2]).max() > 1e-3


def annealed(path: str, **changes: Any) -> Run:
    parameters = {"steps_per_level": 5, "sigma_max": 3.0, "sigma_min": 0.1}
    return request_of(path, "annealed_langevin", parameters=parameters, **changes)


def level_counts(times: tuple[int, ...]) -> dict[int, int]:
    return {t: len(list(group)) for t, group in itertools.groupby(times)}


def test_another_step_size_on_the_way(engine: Engine, points: str) -> None:
    request = annealed(points)
    whole = run(engine, request)
    changed = replace(request, start=7, parameters={**request.parameters, "step_size": 0.05})
    made = run(engine, changed)
    assert made[0].times == whole[0].times
    assert made[0].network_calls == 1  # the lattice alone: what the network said of x_t still holds
    np.testing.assert_array_equal(arrays(made)[0], arrays(whole)[7])
    ratio = made[1].scalars["diffusion"] / whole[8].scalars["diffusion"]
    assert ratio == pytest.approx(np.sqrt(0.05 / 0.2))
    sizes = made[1].scalars
    assert sizes["snr"] == pytest.approx(sizes["drift"] / sizes["diffusion"])


@pytest.mark.parametrize("start", [0, 2, 4, 5, 8, 13])
@pytest.mark.parametrize("per_level", [1, 2, 8])
def test_another_number_of_steps_per_level_on_the_way(engine: Engine, points: str, start: int, per_level: int) -> None:
    request = annealed(points, until=start)
    before = run(engine, request)
    plan = before[0].times
    changed = {**request.parameters, "steps_per_level": per_level}
    made = run(engine, replace(request, start=start, until=None, parameters=changed))
    times = made[0].times
    assert times[: start + 1] == plan[: start + 1]
    assert list(times) == sorted(times, reverse=True)
    assert [frame.t for frame in made] == list(times[start:])
    assert made[-1].finished
    assert made[-1].t == 0
    counts, here = level_counts(times), plan[start]
    new_levels = level_counts(plan).keys()
    assert counts.keys() == new_levels
    spent = plan[: start + 1].count(here)
    last = min(t for t in new_levels if t > 0)
    for t in new_levels - {0}:
        wanted = per_level + (t == last)  # the last level's last update arrives at that level
        if t < here:
            assert counts[t] == wanted
        elif t == here:
            assert counts[t] == max(wanted, spent)
        else:
            assert counts[t] == level_counts(plan)[t]


def test_other_levels_on_the_way(engine: Engine, points: str) -> None:
    request = annealed(points, until=6)
    before = run(engine, request)
    changed = replace(request, until=None, start=6, steps=9, parameters={**request.parameters, "sigma_min": 0.05})
    made = run(engine, changed)
    times = made[0].times
    assert times[:7] == before[0].times[:7]
    assert list(times) == sorted(times, reverse=True)
    assert len(level_counts(times)) == len(set(times))
    assert times[-1] == 0


def test_fewer_steps_on_the_way(engine: Engine, pictures: str) -> None:
    request = request_of(pictures, steps=10, until=4)
    before = run(engine, request)
    made = run(engine, replace(request, steps=5, start=4, until=None))
    times = made[0].times
    assert times[:5] == before[0].times[:5]
    assert all(later < earlier for earlier, later in itertools.pairwise(times))
    assert times[-1] == 0
    assert len(times) < 11
