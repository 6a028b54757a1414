"""Runs: the same again, going on from any step, in batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from explorer.diffusion.noise import NoiseSource, Stream
from explorer.engine.engine import Engine
from explorer.engine.runs import KEPT_RUNS
from explorer.facts import ModelError
from explorer.lenses.drawable import Field, Image, Missing
from explorer.request import Guidance
from tests.engine.models import SHAPE
from tests.engine.running import CPU, NOISY, arrays, assert_same, replay, request_of, run


@pytest.mark.parametrize("sampler", NOISY)
def test_a_run_can_be_repeated(engine: Engine, path: str, sampler: str) -> None:
    first = run(engine, request_of(path, sampler))
    assert_same(run(Engine(), request_of(path, sampler)), first)
    other = run(engine, request_of(path, sampler, seed=12))
    assert not np.array_equal(arrays(other)[-1], arrays(first)[-1])


def test_ddim_without_eta_needs_nothing_but_x_T(engine: Engine, path: str) -> None:
    plain = request_of(path, parameters={"eta": 0.0})
    first = run(engine, plain)
    initial = arrays(first)[0]
    again = run(engine, replace(plain, run=2, seed=99, initial=initial))
    assert_same(again, first)


@pytest.mark.parametrize("sampler", NOISY)
def test_a_replay_shows_what_the_run_showed(engine: Engine, path: str, sampler: str) -> None:
    request = request_of(path, sampler)
    made = run(engine, request)
    replayed = [replay(engine, request, step) for step in range(len(made))]
    assert_same(replayed, made)
    for frame, original in zip(replayed, made, strict=True):
        assert frame.replayed
        assert not original.replayed
        assert (frame.a, frame.s, frame.run, frame.times) == (original.a, original.s, 1, original.times)
        np.testing.assert_array_equal(frame.thumbnail, original.thumbnail)


@pytest.mark.parametrize("memory", [1, 2**29])
def test_the_end_of_a_run_has_what_its_last_step_had(pictures: str, memory: int) -> None:
    engine = Engine(memory)
    request = request_of(pictures)
    made = run(engine, request)
    before, end = made[-2], made[-1]
    for shown in (end, replay(engine, request, end.step)):
        assert not any(isinstance(shown.tiles[name], Missing) for name in ("x_t", "x0"))
        for name in ("eps", "score"):
            tile = shown.tiles[name]
            assert isinstance(tile, Missing)
            assert tile.last_t == before.t > shown.t == 0
            assert isinstance(tile.last, Image)
            np.testing.assert_array_equal(tile.last.data, before.tiles[name].data)
    assert not any(isinstance(tile, Missing) for tile in before.tiles.values())


def test_other_lenses_can_be_replayed_without_the_network(engine: Engine, pictures: str) -> None:
    request = request_of(pictures, lenses=("x_t",), guidance=Guidance(1, 2.0))
    run(engine, request)
    frame = replay(engine, request, 2, ("v", "eps"))
    assert list(frame.tiles) == ["v", "eps"]
    assert frame.network_calls == 0


def test_the_arrows_of_a_guided_run_are_replayed_with_its_guidance(engine: Engine, points: str) -> None:
    request = request_of(points, guidance=Guidance(0, 2.0))
    made = run(engine, request)
    again, first = replay(engine, request, 1).tiles["score"], made[1].tiles["score"]
    assert isinstance(again, Field)
    assert isinstance(first, Field)
    np.testing.assert_array_equal(again.vectors, first.vectors)


@pytest.mark.parametrize("sampler", NOISY)
def test_every_frame_says_where_it_is(engine: Engine, path: str, sampler: str) -> None:
    made = run(engine, request_of(path, sampler))
    times = made[0].times
    assert [frame.t for frame in made] == list(times)
    assert [frame.step for frame in made] == list(range(len(times)))
    assert [frame.finished for frame in made] == [False] * (len(times) - 1) + [True]
    for frame in made:
        assert frame.times == times
        assert frame.thumbnail is not None
        x_t, on_grid = frame.tiles["x_t"].data, path.endswith("pictures")
        np.testing.assert_array_equal(
            frame.thumbnail if on_grid else frame.thumbnail[:, :2], x_t[0] if on_grid else x_t
        )
        assert frame.scalars["x_t"] == pytest.approx(np.sqrt(np.square(frame.tiles["x_t"].data).mean()), rel=1e-5)


@pytest.mark.parametrize("sampler", NOISY)
def test_going_on_from_any_step_is_as_if_never_stopped(engine: Engine, path: str, sampler: str) -> None:
    request = request_of(path, sampler)
    whole = run(engine, request)
    for start in range(len(whole)) if len(whole) < 8 else (0, 1, 3, 5, len(whole) - 2, len(whole) - 1):
        again = run(engine, replace(request, start=start))
        assert_same(again, whole[start:])
        assert len(engine.trajectory(1).steps) == len(whole)


@pytest.mark.parametrize("sampler", NOISY)
def test_one_step_at_a_time(engine: Engine, path: str, sampler: str) -> None:
    whole = run(engine, request_of(path, sampler, run=2))
    request = request_of(path, sampler)
    found = run(engine, replace(request, until=0))
    assert len(found) == 1
    for step in range(len(whole) - 1):
        again, new = run(engine, replace(request, start=step, until=step + 1))
        assert_same([again], [found[-1]])
        found.append(new)
    assert [dict(frame.scalars) for frame in found] == [dict(frame.scalars) for frame in whole]
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one.tiles["x_t"].data, other.tiles["x_t"].data)
    assert found[-1].finished


def test_until_ends_a_run_and_records_no_more(engine: Engine, pictures: str) -> None:
    made = run(engine, request_of(pictures, until=2))
    assert [frame.step for frame in made] == [0, 1, 2]
    assert not made[-1].finished
    assert len(engine.trajectory(1).steps) == 3


def test_going_on_asks_the_network_only_for_what_is_new(engine: Engine, pictures: str) -> None:
    request = request_of(pictures)
    assert [frame.network_calls for frame in run(engine, request)] == [1, 1, 1, 1, 0 + 1]
    again = run(engine, replace(request, start=1))
    assert again[0].network_calls == 0


def test_an_older_step_is_a_branch(engine: Engine, pictures: str) -> None:
    request = request_of(pictures)
    whole = run(engine, request)
    branch = run(engine, replace(request, start=2, seed=77))
    assert_same(branch[:1], whole[2:3])
    assert not np.array_equal(arrays(branch)[-1], arrays(whole)[-1])
    assert_same([replay(engine, request, 1)], whole[1:2])  # what came before is kept


@pytest.mark.parametrize(
    "changes",
    [
        {"guidance": Guidance(1, 3.0)},
        {"parameters": {"eta": 0.6, "clip": False}},
        {"sampler": "ddpm", "parameters": {}},
    ],
)
def test_a_question_that_has_changed_is_asked_again(engine: Engine, pictures: str, changes: dict[str, Any]) -> None:
    """The step gone on from is what the new choices make of the same x_t."""
    request = request_of(pictures)
    whole = run(engine, request)
    changed = replace(request, start=2, **changes)
    found = run(engine, changed)
    assert found[0].network_calls == 1
    np.testing.assert_array_equal(arrays(found)[0], arrays(whole)[2])
    denoiser, step = engine.model(request.model).denoiser, engine.trajectory(1).steps[2]
    expected = denoiser(step.x, step.t).eps
    if changed.guidance.label is not None:
        labelled = denoiser(step.x, step.t, torch.tensor([changed.guidance.label] * 2)).eps
        expected = expected + changed.guidance.scale * (labelled - expected)
    torch.testing.assert_close(step.prediction.eps, expected, rtol=1e-4, atol=1e-4)
    limit = 1.0 if changed.parameters.get("clip", True) else np.inf
    assert float(step.x0.abs().max()) <= limit


def test_x0_of_langevin_is_clipped_where_ddim_goes_on(engine: Engine, pictures: str) -> None:
    made = run(engine, request_of(pictures, "langevin", until=1))
    assert np.abs(arrays(made, "x0")[-1]).max() > 1  # or this would show nothing
    run(engine, request_of(pictures, "ddim", start=1, until=1))
    assert float(engine.trajectory(1).steps[-1].x0.abs().max()) <= 1


def test_a_run_that_never_began_cannot_go_on(engine: Engine, pictures: str) -> None:
    with pytest.raises(ModelError, match="must have the shape"):
        run(engine, request_of(pictures, initial=np.zeros((2, 3, 8, 8), np.float32)))
    with pytest.raises(ModelError, match="start it again"):
        run(engine, request_of(pictures, start=0))


def test_a_run_keeps_its_number_of_samples(engine: Engine, pictures: str) -> None:
    run(engine, request_of(pictures, until=1))
    with pytest.raises(ModelError, match="start it again"):
        run(engine, request_of(pictures, start=1, count=3))


@pytest.mark.parametrize("sampler", NOISY)
def test_a_batch_holds_the_single_runs(engine: Engine, path: str, sampler: str) -> None:
    batch = run(engine, request_of(path, sampler, count=4))
    for k in range(4):
        single = run(engine, request_of(path, sampler, run=2, count=1, first=k))
        np.testing.assert_array_equal(arrays(single)[0][0], arrays(batch)[0][k])
        for one, many in zip(arrays(single), arrays(batch), strict=True):
            np.testing.assert_allclose(one[0], many[k], rtol=1e-4, atol=1e-4)


def test_x_T_is_the_addressed_noise(engine: Engine, pictures: str) -> None:
    made = run(engine, request_of(pictures, first=3, until=0))
    expected = NoiseSource(11, 5, SHAPE, CPU)(0, Stream.INITIAL)[3:]
    np.testing.assert_array_equal(arrays(made)[0], expected.numpy())


def test_a_given_x_T_is_where_the_run_begins(engine: Engine, path: str) -> None:
    shape = (2, *SHAPE) if path.endswith("pictures") else (2, 2)
    initial = np.random.default_rng(0).standard_normal(shape, np.float32)
    kept = initial.copy()
    made = run(engine, request_of(path, initial=initial))
    np.testing.assert_array_equal(arrays(made)[0], kept)
    np.testing.assert_array_equal(initial, kept)


@pytest.mark.parametrize("shape", [(1, *SHAPE), (2, 1, 8, 7), (2, 64), (2, 3, 8, 8)])
def test_a_given_x_T_of_another_shape(engine: Engine, pictures: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"\(2, 1, 8, 8\)"):
        run(engine, request_of(pictures, initial=np.zeros(shape, np.float32)))


def test_without_a_record_only_the_last_step_is_kept(engine: Engine, path: str) -> None:
    recorded = run(engine, request_of(path, run=2))
    made = run(engine, request_of(path, record=False))
    assert [frame.step for frame in made] == [0, 1, 2, 3, 4]
    for one, other in zip(made, recorded, strict=True):
        np.testing.assert_array_equal(one.tiles["x_t"].data, other.tiles["x_t"].data)
    kept = engine.trajectory(1).steps
    assert [step.index for step in kept] == [4]
    np.testing.assert_array_equal(kept[0].x.numpy(), arrays(recorded)[-1])


def test_older_runs_are_forgotten(engine: Engine, points: str) -> None:
    for number in range(1, KEPT_RUNS + 2):
        run(engine, request_of(points, run=number, until=1))
    with pytest.raises(ModelError, match="no longer kept"):
        replay(engine, request_of(points), 0)
    for number in range(2, KEPT_RUNS + 2):
        assert replay(engine, request_of(points, run=number), 1).run == number
    run(engine, request_of(points, run=2))  # the one in use is the newest again
    run(engine, request_of(points, run=50, until=0))
    assert replay(engine, request_of(points, run=2), 4).finished


def test_another_model_forgets_the_runs(engine: Engine, pictures: str, points: str) -> None:
    run(engine, request_of(points))
    run(engine, request_of(pictures, run=2))
    with pytest.raises(ModelError, match="no longer kept"):
        engine.trajectory(1)
