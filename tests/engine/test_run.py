"""Runs of the engine: recorded, replayed, continued and branched bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from explorer.diffusion.noise import NoiseSource, Stream
from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.engine.runs import KEPT_RUNS
from explorer.facts import ModelError
from explorer.request import Guidance, Look, ModelRef, Replay, Run
from tests.engine.models import SHAPE, T_PICTURES, change_weights, write_pictures, write_points

CPU = torch.device("cpu")
LENSES = ("x_t", "x0", "eps", "score")
NOISY: dict[str, dict[str, Any]] = {
    "ddim": {"eta": 0.6},
    "ddpm": {},
    "langevin": {"level": 0.8},
    "annealed_langevin": {"steps_per_level": 3},
}
"""Parameters with which every sampler draws fresh noise."""


def request_of(path: str, sampler: str = "ddim", **changes: Any) -> Run:
    run = Run(ModelRef(path, "cpu"), 1, sampler, 4, 11, 2, Guidance(), LENSES, NOISY.get(sampler, {}))
    return replace(run, **changes)


def run(engine: Engine, request: Run) -> list[Seen]:
    frames = list(engine.answer(request))
    assert all(isinstance(frame, Seen) for frame in frames)
    return frames  # type: ignore[return-value]


def replay(engine: Engine, request: Run, step: int, lenses: tuple[str, ...] = LENSES) -> Seen:
    (frame,) = engine.answer(Look(request.model, Replay(request.run, step), 0, Guidance(), lenses))
    assert isinstance(frame, Seen)
    return frame


def arrays(frames: list[Seen], name: str = "x_t") -> list[NDArray[np.float32]]:
    return [frame.tiles[name].data for frame in frames]


def assert_same(found: list[Seen], expected: list[Seen]) -> None:
    """Bit for bit."""
    assert [(f.step, f.t, f.finished) for f in found] == [(f.step, f.t, f.finished) for f in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.tiles.keys() == other.tiles.keys()
        for name, drawable in one.tiles.items():
            np.testing.assert_array_equal(drawable.data, other.tiles[name].data)
        assert dict(one.scalars) == dict(other.scalars)


@pytest.fixture(params=["pictures", "points"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


# --- the same again --------------------------------------------------------------------------------------


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


def test_other_lenses_can_be_replayed_without_the_network(engine: Engine, pictures: str) -> None:
    request = request_of(pictures, lenses=("x_t",), guidance=Guidance(1, 2.0))
    run(engine, request)
    frame = replay(engine, request, 2, ("v", "eps"))
    assert list(frame.tiles) == ["v", "eps"]
    assert frame.network_calls == 0


def test_the_arrows_of_a_guided_run_are_replayed_with_its_guidance(engine: Engine, points: str) -> None:
    request = request_of(points, guidance=Guidance(0, 2.0))
    made = run(engine, request)
    again = replay(engine, request, 1).tiles["score"]
    np.testing.assert_array_equal(again.vectors, made[1].tiles["score"].vectors)  # type: ignore[union-attr]


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
        np.testing.assert_array_equal(
            frame.thumbnail, frame.tiles["x_t"].data[0] if path.endswith("pictures") else frame.tiles["x_t"].data
        )
        assert frame.scalars["x_t"] == pytest.approx(np.sqrt(np.square(frame.tiles["x_t"].data).mean()), rel=1e-5)


# --- going on --------------------------------------------------------------------------------------------


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


# --- batches ---------------------------------------------------------------------------------------------


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


# --- label and guidance ----------------------------------------------------------------------------------


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


# --- changes on the way ----------------------------------------------------------------------------------


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


# --- what can go wrong -----------------------------------------------------------------------------------


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
