"""Two models beside each other, asked at one x_t."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer.cli import main
from explorer.engine.engine import Engine
from explorer.engine.frame import Progress, Seen
from explorer.facts import ModelError
from explorer.lenses.drawable import Missing
from explorer.request import Forward, Guidance, Look, ModelRef, Replay
from tests.engine.models import change_weights, write_pictures, write_points
from tests.engine.running import LENSES, request_of, run


def seen_of(engine: Engine, look: Look) -> Seen:
    *before, seen = engine.answer(look)
    assert isinstance(seen, Seen)
    assert all(isinstance(frame, Progress) for frame in before)
    return seen


def reads(engine: Engine, look: Look) -> bool:
    """Whether it reads weights for that."""
    return sum(isinstance(frame, Progress) for frame in engine.answer(look)) > 0


def look_at(path: str, t: int = 20, label: int | None = None, second: str | None = None) -> Look:
    ref = None if second is None else ModelRef(second, "cpu")
    return Look(ModelRef(path, "cpu"), Forward(1, 2, 5), t, Guidance(label), LENSES, second=ref)


@pytest.fixture(scope="module")
def other(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pictures' model with other weights."""
    folder = tmp_path_factory.mktemp("second") / "other"
    shutil.copytree(pictures, folder)
    change_weights(folder, 1.1)
    return str(folder)


@pytest.mark.parametrize(("t", "label"), [(20, None), (50, 1), (0, None)])
def test_each_shows_what_it_says_alone(engine: Engine, pictures: str, other: str, t: int, label: int | None) -> None:
    seen = seen_of(engine, look_at(pictures, t, label, other))
    assert seen.second == "Tiny"
    mine, its = (seen_of(Engine(), look_at(path, t, label)) for path in (pictures, other))
    for name in LENSES:
        a, b = mine.tiles[name].data, its.tiles[name].data
        np.testing.assert_array_equal(seen.tiles[name].data, a)
        np.testing.assert_array_equal(seen.tiles[f"{name}:b"].data, b)
        if not isinstance(mine.tiles[name], Missing):  # at t = 0 there is no score
            np.testing.assert_array_equal(seen.tiles[f"{name}:difference"].data, a - b)
    assert bool(np.abs(seen.tiles["eps:difference"].data).max() > 1e-3) == (t > 0)
    assert seen.tiles["x_t:difference"].note == "r.m.s. 0"


def test_a_run_goes_by_the_first_and_the_second_is_asked_on_the_way(engine: Engine, pictures: str, other: str) -> None:
    request = request_of(pictures)
    alone = run(Engine(), request)
    reads(engine, look_at(pictures, second=other))
    beside = run(engine, replace(request, second=ModelRef(other, "cpu")))
    for frame, same in zip(beside, alone, strict=True):
        np.testing.assert_array_equal(frame.tiles["x_t"].data, same.tiles["x_t"].data)
        assert frame.second == "Tiny"
        assert set(frame.tiles) == {f"{name}{part}" for name in LENSES for part in ("", ":b", ":difference")}
    look = Look(request.model, Replay(1, 2), 0, Guidance(), LENSES, second=ModelRef(other, "cpu"))
    again = seen_of(engine, look)
    for name in LENSES:
        np.testing.assert_allclose(again.tiles[f"{name}:b"].data, beside[2].tiles[f"{name}:b"].data, atol=1e-6)
    assert np.abs(again.tiles["eps:difference"].data).max() > 1e-3


def test_another_schedule_is_asked_at_the_same_noise(engine: Engine, learned_points: str, folder: Path) -> None:
    """The same network, made one of ten times as many times: asked about the same x_t it says nearly the same."""
    write_points(folder, "mlp")
    configuration = json.loads((folder / "config.json").read_text())
    configuration["schedule"]["T"] = 601
    (folder / "config.json").write_text(json.dumps(configuration))
    seen = seen_of(engine, look_at(learned_points, 30, None, str(folder)))
    apart = np.abs(seen.tiles["x0:difference"].data).max()
    assert 0 < apart < 0.1 * np.abs(seen.tiles["x0"].data).max()


def test_one_sentence_says_why_two_models_cannot_be_compared(
    engine: Engine, pictures: str, plain_pictures: str, points: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="only models of one shape can be compared") as error:
        seen_of(engine, look_at(pictures, second=points))
    assert "points in 2 dimensions and “Tiny” for pictures of 8×8 with 1 channel" in str(error.value)
    with pytest.raises(ModelError, match="has no label 1"):
        seen_of(engine, look_at(pictures, label=1, second=plain_pictures))
    assert main(["look", pictures, "--t", "9", "--against", points, "--out", str(tmp_path / "a.npz")]) == 2
    assert "of one shape" in capsys.readouterr().err
    assert seen_of(engine, look_at(pictures)).second == "", "the first goes on"


def test_numbers_that_are_not_finite_are_the_seconds(engine: Engine, pictures: str, folder: Path) -> None:
    write_pictures(folder)
    change_weights(folder, 1e20)
    with pytest.raises(ModelError, match=r"“Tiny” returned values that are not finite at t = 20"):
        seen_of(engine, look_at(pictures, second=str(folder)))


def test_the_second_is_read_once_and_forgotten_with_the_first(engine: Engine, pictures: str, other: str) -> None:
    look = look_at(pictures, second=other)
    assert reads(engine, look)
    assert not reads(engine, look)
    engine.model(ModelRef(pictures, "cpu"), again=True)
    assert reads(engine, look)


def test_from_the_command_line(pictures: str, other: str, tmp_path: Path) -> None:
    arguments = ["look", pictures, "--against", other, "--t", "20", "--lens", "x0,eps", "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "a.npz")]) == 0
    with np.load(tmp_path / "a.npz") as found:
        assert list(found) == ["x0", "x0:b", "x0:difference", "eps", "eps:b", "eps:difference"]
        np.testing.assert_array_equal(found["eps:difference"], found["eps"] - found["eps:b"])
        assert np.abs(found["eps:difference"]).max() > 1e-3
    assert main([*arguments, "--out", str(tmp_path / "a.png")]) == 0
    from PIL import Image

    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > sheet.height, "a row for each lens: A, B, A − B"


def test_its_own_run_from_the_same_noise(engine: Engine, pictures: str, other: str) -> None:
    """As a run of its own would be, while the first is made and when its steps are shown again."""
    for number, sampler in enumerate(("ddpm", "dpmpp_2m"), 1):
        request = request_of(pictures, sampler, run=number, steps=6)
        alone = run(Engine(), request_of(other, sampler, steps=6))
        reads(engine, look_at(pictures, second=other))
        own = replace(request, second=ModelRef(other, "cpu"), second_own=True)
        beside = run(engine, own)
        look = Look(request.model, Replay(number, 3), 0, Guidance(), LENSES, second=own.second, second_own=True)
        for frame, its in [*zip(beside, alone, strict=True), (seen_of(engine, look), alone[3])]:
            assert frame.second_own
            for name in LENSES:
                np.testing.assert_allclose(frame.tiles[f"{name}:b"].data, its.tiles[name].data, atol=1e-5)
        assert not beside[0].tiles["x_t:difference"].data.any(), "they begin at one x_T"
        assert np.abs(beside[-1].tiles["x_t:difference"].data).max() > 1e-3
        asked = seen_of(engine, replace(look, second_own=False))
        assert not asked.tiles["x_t:difference"].data.any(), "it is asked at the first one's x_t"


def test_its_own_run_where_the_first_was_branched_edited_and_thinned(pictures: str) -> None:
    """The same model as its own second goes the same way, whatever was done to the run; kept or made again."""
    engine = Engine()
    itself = ModelRef(pictures, "cpu")
    first = request_of(pictures, "ddpm", steps=40)
    run(engine, replace(first, until=20))
    run(engine, replace(first, start=20, until=25))
    run(engine, replace(first, run=2, branch_of=(1, 15), guidance=Guidance(1, 3.0), seed=4, until=22))
    step = engine.trajectory(2).step(22)
    assert step is not None
    edited = np.full(tuple(step.x.shape), 0.1, np.float32)
    run(engine, replace(first, run=3, sampler="ddim", parameters={}, branch_of=(2, 22), edited=edited))
    for number in (1, 2, 3):
        engine.trajectory(number).thin(8)
    for number, index in ((1, 25), (2, 22), (2, 15), (3, 30), (3, 7), (3, 22), (3, 40)):
        look = Look(itself, Replay(number, index), 0, Guidance(), LENSES, second=itself, second_own=True)
        *_, seen = engine.answer(look)
        assert isinstance(seen, Seen)
        assert float(np.abs(seen.tiles["x_t:difference"].data).max()) < 1e-5, (number, index)
