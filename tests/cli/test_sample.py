"""What `sample` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.cli.running import arrays, run
from tests.engine.models import (
    SHAPE,
    T_PICTURES,
    T_POINTS,
)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "langevin", "annealed_langevin"])
def test_sample_with_every_sampler(path: str, sampler: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    more = ["--param", "steps_per_level=2"] if sampler == "annealed_langevin" else []
    run("sample", path, "--out", out, "--sampler", sampler, "--steps", 3, "--n", 2, *more)
    found = arrays(out)
    assert list(found) == ["x"]
    assert found["x"].dtype == np.float32
    assert found["x"].shape == ((2, *SHAPE) if path.endswith("pictures") else (2, 2))
    assert np.isfinite(found["x"]).all()


def test_sample_with_its_trajectory(path: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("sample", path, "--out", out, "--steps", 5, "--n", 3, "--trajectory")
    found = arrays(out)
    one = SHAPE if path.endswith("pictures") else (2,)
    assert set(found) == {"x", "x_t", "x0", "t"}
    assert found["x_t"].shape == found["x0"].shape == (6, 3, *one)
    assert found["x_t"].dtype == found["x0"].dtype == np.float32
    T = T_PICTURES if path.endswith("pictures") else T_POINTS
    assert found["t"].tolist() == [*[1 + i * (T // 5) for i in range(5)][::-1], 0]
    np.testing.assert_array_equal(found["x"], found["x_t"][-1])
    np.testing.assert_array_equal(found["x0"][-1], found["x_t"][-1])
    run("sample", path, "--out", tmp_path / "b.npz", "--steps", 5, "--n", 3)
    np.testing.assert_array_equal(arrays(tmp_path / "b.npz")["x"], found["x"])


def test_look_and_sample_on_another_schedule(points: str, tmp_path: Path) -> None:
    found = {}
    (tmp_path / "levels.csv").write_text("log_snr\n9\n4\n0\n-6\n")
    named = ("own", "cosine", "karras:rho=5,sigma_max=20", "rectified_flow", "zero_terminal_snr")
    for schedule in (*named, "learned", f"file:{tmp_path / 'levels.csv'}", f"model:{points}"):
        run("look", points, "--out", tmp_path / "a.npz", "--t", 30, "--n", 4, "--schedule", schedule)
        run("sample", points, "--out", tmp_path / "b.npz", "--steps", 8, "--n", 4, "--schedule", schedule)
        found[schedule] = arrays(tmp_path / "a.npz")["x_t"], arrays(tmp_path / "b.npz")["x"]
        assert np.isfinite(found[schedule][1]).all()
    np.testing.assert_array_equal(found["own"], found["cosine"])  # which it is
    np.testing.assert_array_equal(found[f"model:{points}"], found["own"])
    for schedule in ("karras:rho=5,sigma_max=20", "rectified_flow", "learned"):
        assert not np.allclose(found[schedule][0], found["own"][0], atol=1e-2)


def test_sample_follows_a_list_of_times(points: str, tmp_path: Path) -> None:
    run("sample", points, "--out", tmp_path / "a.npz", "--param", "times=40, 20, 5", "--trajectory")
    assert arrays(tmp_path / "a.npz")["t"].tolist() == [40, 20, 5, 0]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_batch_holds_the_single_runs(path: str, sampler: str, tmp_path: Path) -> None:
    def sample(*more: object) -> NDArray[Any]:
        out = tmp_path / "a.npz"
        run("sample", path, "--out", out, "--sampler", sampler, "--steps", 8, "--seed", 5, *more)
        return arrays(out)["x"]

    batch = sample("--n", 4)
    for k in range(4):
        np.testing.assert_allclose(sample("--n", 1, "--first", k)[0], batch[k], atol=1e-4)
    assert not np.allclose(batch[0], batch[1], atol=1e-2)


def test_sample_from_a_given_x_T(path: str, tmp_path: Path) -> None:
    one = SHAPE if path.endswith("pictures") else (2,)
    x_T = np.random.default_rng(1).standard_normal((3, *one))
    np.save(tmp_path / "x_T.npy", x_T)
    out = tmp_path / "a.npz"
    arguments = ["--init", tmp_path / "x_T.npy", "--steps", 4, "--trajectory"]
    run("sample", path, "--out", out, *arguments)
    found = arrays(out)
    assert found["x"].shape == (3, *one)  # as many as were given
    np.testing.assert_array_equal(found["x_t"][0], x_T.astype(np.float32))
    run("sample", path, "--out", out, *arguments, "--seed", 9)
    np.testing.assert_array_equal(arrays(out)["x"], found["x"])  # DDIM takes no other noise


def test_sample_options_reach_the_engine(pictures: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"

    def sample(*more: object) -> NDArray[Any]:
        run("sample", pictures, "--out", out, "--steps", 5, *more)
        return arrays(out)["x"]

    plain = sample()
    np.testing.assert_array_equal(sample("--seed", 0, "--guidance", 5, "--param", "eta=0"), plain)
    for changed in (
        ["--seed", 1],
        ["--label", 2],
        ["--param", "eta=0.5"],
        ["--param", "clip=false"],
        ["--param", "clip_range=0.3", "--param", "clip=TRUE"],
        ["--param", "spacing=trailing"],
    ):
        assert not np.array_equal(sample(*changed), plain)
    assert not np.array_equal(sample("--label", 2), sample("--label", 2, "--guidance", 4))
    assert np.abs(sample("--param", "clip_range=0.3")).max() <= 0.3 + 1e-6


def test_without_steps_a_sampler_takes_its_own_number(points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("sample", points, "--out", out, "--trajectory")
    assert len(arrays(out)["t"]) == 51
    run("sample", points, "--out", out, "--trajectory", "--sampler", "ddpm")
    assert len(arrays(out)["t"]) == T_POINTS + 1  # of its 1,000 no more than the model has


def test_sample_writes_pictures_and_films(path: str, tmp_path: Path) -> None:
    run("sample", path, "--out", tmp_path / "a.png", "--steps", 3, "--n", 4)
    run("sample", path, "--out", tmp_path / "a.gif", "--steps", 3, "--n", 4)
    with Image.open(tmp_path / "a.png") as still, Image.open(tmp_path / "a.gif") as film:
        assert still.format == "PNG"
        assert film.format == "GIF"
        assert film.size == still.size
        assert getattr(film, "n_frames", 1) > 1
        film.seek(getattr(film, "n_frames", 1) - 1)
        difference = np.asarray(film.convert("RGB"), float) - np.asarray(still.convert("RGB"), float)
        assert np.abs(difference).mean() < 3  # the film ends with the picture


def test_out_may_be_spelt_in_capitals(points: str, tmp_path: Path) -> None:
    run("sample", points, "--out", tmp_path / "A.NPZ", "--steps", 2)
    assert [file.name for file in tmp_path.iterdir()] == ["A.NPZ"]
    assert arrays(tmp_path / "A.NPZ")["x"].shape == (1, 2)
