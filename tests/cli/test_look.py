"""What `look` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.cli.running import arrays, run
from tests.engine.models import (
    POINTS,
    SHAPE,
    T_PICTURES,
    T_POINTS,
)


def test_look_writes_the_lenses_by_name(path: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("look", path, "--t", 20, "--out", out)
    shape = (1, *SHAPE) if path.endswith("pictures") else (POINTS, 2)
    found = arrays(out)
    assert list(found) == ["x_t", "x0", "eps", "score"]
    for values in found.values():
        assert values.dtype == np.float32
        assert values.shape == shape


def test_look_options_reach_the_engine(pictures: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"

    def look(*more: object) -> dict[str, NDArray[Any]]:
        run("look", pictures, "--t", 25, "--out", out, *more)
        return arrays(out)

    plain = look()
    np.testing.assert_array_equal(look("--sample", 0, "--seed", 0)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--seed", 1)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--sample", 1)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--label", 1)["eps"], plain["eps"])
    assert not np.array_equal(look("--label", 1, "--guidance", 3)["eps"], look("--label", 1)["eps"])
    assert list(look("--lens", "v, x_t")) == ["v", "x_t"]
    assert look("--n", 3)["x_t"].shape == (3, *SHAPE)
    np.testing.assert_array_equal(look("--n", 3, "--device", "cpu")["x_t"][:1], plain["x_t"])


def test_look_at_a_picture_file(pictures: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "mine.png")
    run("look", pictures, "--t", 0, "--image", tmp_path / "mine.png", "--out", tmp_path / "a.npz")
    np.testing.assert_allclose(arrays(tmp_path / "a.npz")["x_t"][0, 0], grey / 127.5 - 1, atol=1e-6)


def test_look_at_both_ends_of_time(path: str, tmp_path: Path) -> None:
    T = T_PICTURES if path.endswith("pictures") else T_POINTS
    for t in 0, T:
        for ending in "npz", "png":
            run("look", path, "--t", t, "--out", tmp_path / f"a.{ending}")
        found = arrays(tmp_path / "a.npz")
        assert np.isfinite(found["x0"]).all()


def test_look_writes_a_picture_of_all_tiles_beside_each_other(path: str, tmp_path: Path) -> None:
    run("look", path, "--t", 20, "--lens", "x_t", "--out", tmp_path / "one.png")
    run("look", path, "--t", 20, "--lens", "x_t,eps", "--out", tmp_path / "two.PNG")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.PNG") as two:
        assert one.format == two.format == "PNG"
        assert two.height == one.height
        assert two.width > 1.9 * one.width
        assert len(one.convert("RGB").getcolors(100_000) or []) > 1
