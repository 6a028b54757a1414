"""Guidance on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.cli import main
from tests.engine.models import write_pictures, write_points


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_pictures(tmp_path_factory.mktemp("models") / "pictures"))


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_points(tmp_path_factory.mktemp("models") / "points"))


def eps(path: str, out: Path, *more: object) -> NDArray[np.float32]:
    assert main(["look", path, "--t", "25", "--lens", "eps", "--out", str(out), *map(str, more)]) == 0
    with np.load(out) as arrays:
        found: NDArray[np.float32] = arrays["eps"]
    return found


def test_look(pictures: str, points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    guided = ("--label", 1, "--guidance", 4)
    conditional = eps(pictures, out, "--label", 1)
    np.testing.assert_array_equal(eps(pictures, out, *guided, "--guidance-interval", "26:50"), conditional)
    assert not np.array_equal(eps(pictures, out, *guided, "--guidance-interval", "25:50"), conditional)
    rescaled = eps(pictures, out, *guided, "--guidance-rescale", 1)
    assert rescaled.std() == pytest.approx(conditional.std(), rel=1e-5)
    by_posterior = eps(points, out, *guided, "--guidance-kind", "classifier")
    np.testing.assert_allclose(by_posterior, eps(points, out, *guided), atol=1e-3)


def test_sample(points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    options = ["--n", "30", "--steps", "20", "--label", "1", "--guidance-kind", "classifier", "--param", "clip=false"]
    assert main(["sample", points, "--out", str(out), *options]) == 0
    with np.load(out) as arrays:
        assert (arrays["x"][:, 0] > 0).mean() > 0.9


def test_elbo_with_a_label(points: str, capsys: pytest.CaptureFixture[str]) -> None:
    def found(*more: str) -> dict[str, object]:
        assert main(["elbo", points, "--n", "40", "--t-samples", "20", "--json", *more]) == 0
        values: dict[str, object] = json.loads(capsys.readouterr().out)
        return values

    one, every = found("--label", "1"), found()
    assert (one["label"], every["label"]) == (1, None)
    # Knowing the component makes a sample likelier by about −log of its weight, 0.4.
    exact = one["exact"]
    assert isinstance(exact, dict)
    matching = one["matching"]
    assert isinstance(matching, dict)
    total, error = matching["total"]["mean"], matching["total"]["standard_error"]
    assert total < exact["mean"] + 4 * error
    assert one["exact"] != every["exact"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--guidance-kind", "magic"], "--guidance-kind"),
        (["--guidance-kind", "classifier", "--label", "1"], "No classifier fits"),
        (["--guidance-interval", "5"], "two times"),
        (["--guidance-interval", "a:b"], "two times"),
        (["--guidance-interval", "40:20", "--label", "1"], "guidance interval"),
        (["--guidance-interval", "0:51", "--label", "1"], "within 0 to 50"),
        (["--guidance-rescale", "2", "--label", "1"], "between 0 and 1"),
    ],
)
def test_refusals(
    pictures: str, more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", pictures, "--t", "5", "--out", str(tmp_path / "a.npz"), *more]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_refusals_of_elbo(pictures: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["elbo", pictures, "--label", "9"]) == 2
    assert "classes 0 to 2" in capsys.readouterr().err
