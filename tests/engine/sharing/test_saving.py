"""Runs as files: numbers, pictures, films; whole or not at all."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.diffusion.samplers import Step
from explorer.engine.engine import Engine
from explorer.engine.frame import Progress, Saved, Seen
from explorer.engine.sharing import films
from explorer.facts import ModelError
from explorer.lenses.base import numpy32
from explorer.request import Forward, Guidance, Look, Replay, Run, Save
from tests.engine.running import request_of

LENSES = ("x_t", "x0", "eps", "score")


def save(engine: Engine, request: Run | Look, path: Path, step: int = 2, **options: bool) -> Saved:
    look = request
    if isinstance(look, Run):
        look = Look(look.model, Replay(look.run, step), 0, Guidance(), LENSES)
    *on_the_way, last = engine.answer(Save(look, str(path), **options))
    assert all(isinstance(frame, Progress) for frame in on_the_way)
    assert isinstance(last, Saved)
    assert last.path == str(path)
    assert {entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")} == set()
    return last


def made(engine: Engine, request: Run) -> list[Step]:
    for _ in engine.answer(request):
        pass
    return engine.trajectory(request.run).steps


def test_numbers_are_those_of_the_run(engine: Engine, pictures: str, tmp_path: Path) -> None:
    request = request_of(pictures, "ddpm", guidance=Guidance(1, 2.0))
    steps = made(engine, request)
    save(engine, request, tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["x_t"], np.stack([numpy32(step.x) for step in steps]))
        np.testing.assert_array_equal(file["x0"], np.stack([numpy32(step.x0) for step in steps]))
        np.testing.assert_array_equal(file["x"], numpy32(steps[-1].x))
        assert file["t"].tolist() == [step.t for step in steps]
        assert file["scalar_eps"].shape == file["t"].shape
        assert np.isnan(file["scalar_eps"][-1])
        (choices,) = json.loads(str(file["choices"]))
    assert (choices["sampler"], choices["start"]) == ("ddpm", 0)
    assert choices["guidance"]["label"] == 1


def test_steps_that_are_no_longer_held_are_made_again(pictures: str, tmp_path: Path) -> None:
    request = request_of(pictures, "ddpm", steps=20)
    whole, little = Engine(), Engine(memory_budget=20_000)
    for engine in (whole, little):
        made(engine, request)
        save(engine, request, tmp_path / f"{engine.runs.budget}.npz")
    assert len(little.trajectory(1).steps) < 21
    one, other = (np.load(tmp_path / f"{engine.runs.budget}.npz") for engine in (whole, little))
    np.testing.assert_array_equal(one["x_t"], other["x_t"])
    np.testing.assert_array_equal(one["x0"], other["x0"])


@pytest.mark.parametrize("model", ["pictures", "points"])
def test_films_have_a_frame_for_each_step(
    engine: Engine, model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = request_of(request.getfixturevalue(model), count=3)
    made(engine, run)
    save(engine, run, tmp_path / "run.gif")
    with Image.open(tmp_path / "run.gif") as gif:
        assert len(list(ImageSequence.Iterator(gif))) == 5
        size = gif.size
    save(engine, run, tmp_path / "run.mp4")
    import av

    with av.open(str(tmp_path / "run.mp4")) as film:
        frames = list(film.decode(video=0))
    assert len(frames) == 5 * films.stay(5) + 30
    assert (frames[0].width, frames[0].height) == (size[0] // 2 * 2, size[1] // 2 * 2)
    first, last = (frames[i].to_ndarray(format="rgb24").astype(int) for i in (0, -1))
    assert abs(first - last).mean() > 1


def test_a_film_of_few_steps_is_slow_enough_to_be_watched() -> None:
    seconds = {n: n * films.stay(n) / films.FRAMES_PER_SECOND for n in (1, 3, 10, 50, 100, 1200)}
    assert seconds == {1: 0.7, 3: 2.1, 10: 5.0, 50: 5.0, 100: 5.0, 1200: 60.0}


def test_a_gif_keeps_the_colours_of_thin_lines() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, 200, 300, 1), np.uint8).repeat(3, axis=3)
    lines = {40: (32, 196, 150), 90: (240, 150, 200), 140: (240, 170, 0)}
    for row, colour in lines.items():
        grey[:, row : row + 2] = colour
    file = io.BytesIO()
    films.save_gif([Image.fromarray(frame) for frame in grey], file)
    with Image.open(file) as gif:
        for index in range(3):
            gif.seek(index)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - grey[index]).max() <= 24
            for row, colour in lines.items():
                assert np.abs(shown[row, 7] - colour).max() <= 8


def test_a_picture_of_the_step_on_show_and_of_a_forward_view(engine: Engine, pictures: str, tmp_path: Path) -> None:
    request = request_of(pictures)
    made(engine, request)
    for step in (1, 4):
        save(engine, request, tmp_path / f"{step}.png", step)
    one, other = (np.asarray(Image.open(tmp_path / f"{step}.png")) for step in (1, 4))
    assert one.shape == other.shape
    assert (one != other).any()
    forward = Look(request.model, Forward(), 20, Guidance(), LENSES)
    save(engine, forward, tmp_path / "forward.png")
    save(engine, forward, tmp_path / "forward.npz")
    (seen,) = engine.answer(forward)
    assert isinstance(seen, Seen)
    np.testing.assert_array_equal(np.load(tmp_path / "forward.npz")["eps"], seen.tiles["eps"].data)


def test_what_needs_a_run_says_so(engine: Engine, pictures: str, tmp_path: Path) -> None:
    forward = Look(request_of(pictures).model, Forward(), 20, Guidance(), LENSES)
    with pytest.raises(ValueError, match="takes a run"):
        save(engine, forward, tmp_path / "run.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run.xyz", "missing/run.npz", "folder.npz"])
def test_impossible_files_are_one_sentence(engine: Engine, pictures: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.npz").mkdir()
    request = request_of(pictures)
    made(engine, request)
    with pytest.raises(ModelError, match=r"^“.*\.$") as error:
        save(engine, request, tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_full_disk_leaves_the_old_file(
    engine: Engine, pictures: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, file = request_of(pictures), tmp_path / "run.npz"
    made(engine, request)
    file.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="the disk is full"):
        save(engine, request, file)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("ending", ["npz", "gif", "mp4"])
def test_a_cancelled_save_leaves_nothing(engine: Engine, pictures: str, tmp_path: Path, ending: str) -> None:
    request = request_of(pictures)
    made(engine, request)
    look = Look(request.model, Replay(1, 0), 0, Guidance(), LENSES)
    answers = engine.answer(Save(look, str(tmp_path / f"run.{ending}")))
    assert isinstance(answers, Generator)
    next(answers)
    assert len(list(tmp_path.iterdir())) == 1
    answers.close()
    assert list(tmp_path.iterdir()) == []
