"""Runs longer than memory: keyframes, and the steps between made again bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explorer.engine.engine import Engine
from explorer.engine.frame import Progress, Seen
from explorer.engine.runs import MEMORY_BUDGET, Runs
from explorer.engine.trajectory import MAX_STRIDE
from explorer.request import Guidance, Look, ModelRef, Replay, Run
from tests.engine.models import T_PICTURES
from tests.engine.running import LENSES, assert_same, run

BUDGET = 24 * 1024
"""Of the 100 KB that a run of 50 steps takes: 2 pictures of 256 bytes, twice, in a batch of 2, at each step."""

SAMPLERS: dict[str, dict[str, Any]] = {
    "ddim": {"eta": 0.5},
    "ddpm": {},
    "dpmpp_2m": {},
    "heun": {},
    "annealed_langevin": {"steps_per_level": 6},
    "diffusers:DDIMScheduler": {"eta": 0.5},
}


def long_run(path: str, sampler: str = "ddim", **changes: Any) -> Run:
    steps = 8 if sampler == "annealed_langevin" else T_PICTURES
    guidance = Guidance(1, 2.0)
    return replace(
        Run(ModelRef(path, "cpu"), 1, sampler, steps, 3, 2, guidance, LENSES, SAMPLERS.get(sampler, {})), **changes
    )


def look(engine: Engine, request: Run, step: int) -> Seen:
    *before, last = engine.answer(Look(request.model, Replay(request.run, step), 0, Guidance(), LENSES))
    assert all(isinstance(frame, Progress) for frame in before)
    assert isinstance(last, Seen)
    return last


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_steps_made_again_are_those_first_seen(pictures: str, sampler: str) -> None:
    engine, request = Engine(BUDGET), long_run(pictures, sampler)
    first = []
    for frame in engine.answer(request):
        assert isinstance(frame, Seen)
        first.append(frame)
        assert engine.runs.nbytes <= BUDGET
    kept = engine.trajectory(1).steps
    assert len(kept) < 0.6 * len(first), "or nothing would be made again"
    backwards = [look(engine, request, step) for step in reversed(range(len(first)))]
    assert_same(backwards[::-1], first)
    assert sum(frame.network_calls for frame in backwards) > 0
    assert engine.runs.nbytes <= BUDGET
    for step in (7, 31, 8):
        assert_same([look(engine, request, step)], [first[step]])
    assert look(engine, request, 8).network_calls == 0  # its neighbourhood was just made


@pytest.mark.parametrize("sampler", ["ddpm", "dpmpp_2m"])
def test_going_on_from_a_step_made_again(pictures: str, sampler: str) -> None:
    plain = run(Engine(), long_run(pictures, sampler))
    engine, request = Engine(BUDGET), long_run(pictures, sampler)
    run(engine, request)
    again = [frame for frame in engine.answer(replace(request, start=21)) if isinstance(frame, Seen)]
    assert [frame.step for frame in again] == list(range(21, len(plain)))
    for one, other in zip(again, plain[21:], strict=True):
        assert (one.tiles["x_t"].data == other.tiles["x_t"].data).all()
        assert (one.tiles["x0"].data == other.tiles["x0"].data).all()
    assert_same([look(engine, request, 5)], [plain[5]])


def test_steps_of_an_earlier_question_are_made_again_as_they_were_asked(pictures: str) -> None:
    engine, request = Engine(BUDGET), long_run(pictures, until=25)
    before = run(engine, request)
    changed = replace(request, start=25, until=None, guidance=Guidance(2, 1.0), sampler="dpmpp_2m", seed=9)
    after = run(engine, changed)
    for step in (3, 13, 24):
        assert_same([look(engine, request, step)], [before[step]])
    for step in (26, 37, 44):
        assert_same([look(engine, request, step)], [after[step - 25]])


def test_one_step_at_a_time_takes_no_more_memory(pictures: str) -> None:
    engine, request = Engine(BUDGET), long_run(pictures, until=0)
    run(engine, request)
    for step in range(T_PICTURES):
        run(engine, replace(request, start=step, until=step + 1))
        assert engine.runs.nbytes <= BUDGET
    assert engine.trajectory(1).made == T_PICTURES + 1
    whole = run(Engine(), long_run(pictures))
    assert_same([look(engine, request, 19)], [whole[19]])


def test_nothing_is_thinned_while_there_is_room(pictures: str) -> None:
    engine, request = Engine(), long_run(pictures)
    run(engine, request)
    assert len(engine.trajectory(1).steps) == T_PICTURES + 1
    assert MEMORY_BUDGET == 512 * 2**20
    x_t = 2 * 8 * 8 * 4
    assert engine.runs.nbytes <= (T_PICTURES + 1) * 2 * x_t, "x_t and what the network said, no more"


def test_what_cannot_be_thinned_further_costs_the_oldest_run(pictures: str) -> None:
    engine = Engine(1)
    run(engine, long_run(pictures, until=3))
    run(engine, long_run(pictures, run=2, until=3))
    assert engine.trajectory(2).stride == MAX_STRIDE
    with pytest.raises(Exception, match="no longer kept"):
        engine.trajectory(1)
    assert engine.trajectory(2).last.index == 3


def test_no_runs_take_no_memory() -> None:
    runs = Runs(0)
    runs.fit()
    assert runs.nbytes == 0
