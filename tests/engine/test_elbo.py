"""The bound and the likelihood of whole models, as the command line asks for them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from explorer.cli import main
from explorer.diffusion.likelihood import estimate
from explorer.diffusion.noise import NoiseSource
from explorer.engine.elbo import ElboReport, ElboRequest, measure, ode_start
from explorer.formats.registry import load
from explorer.paths import CHECKPOINTS
from tests.engine.models import POINTS, T_PICTURES, T_POINTS


@pytest.fixture(scope="module")
def exact_points(points: str) -> ElboReport:
    return measure(ElboRequest(points, "cpu", n=150, variance="beta", ode=True))


def test_points_have_the_likelihood_of_their_truth(exact_points: ElboReport) -> None:
    found = exact_points
    assert found.ode is not None
    assert found.exact is not None
    for values in (found.elbo.matching.per_sample, found.elbo.consistency.per_sample):
        gap = estimate(values - found.exact)
        assert gap.mean < 3 * gap.standard_error
    # Of 60 steps even the first one blurs the data a little.
    assert abs(float(np.mean(found.ode - found.exact))) < 0.1


def test_single_numbers_have_the_likelihood_of_their_truth() -> None:
    found = measure(ElboRequest(str(CHECKPOINTS / "mixture_1d-exact"), "cpu", n=150, ode=True))
    assert found.ode is not None
    assert found.exact is not None
    assert not found.elbo.discretised
    gap = estimate(found.elbo.matching.per_sample - found.exact)
    assert gap.mean < 3 * gap.standard_error
    assert abs(float(np.mean(found.ode - found.exact))) < 0.05


def test_bytes_bound_bytes(pictures: str) -> None:
    """An untrained network: the numbers are finite and comparable, and no better than chance."""
    found = measure(ElboRequest(pictures, "cpu", n=2, t_samples=5, ode=True))
    assert found.elbo.discretised
    assert found.elbo.samples == 2
    assert found.elbo.matching.terms.t.shape == (5,)
    assert found.exact is None
    assert found.ode is not None
    assert bool(np.isfinite(found.ode).all())
    assert float(found.ode.max()) < 0


def test_bytes_are_spread_over_their_intervals(pictures: str) -> None:
    model = load(pictures, "cpu")
    x_0 = torch.from_numpy(model.samples[:3])
    start = ode_start(model, x_0, NoiseSource(0, 3, model.facts.shape, model.device))
    low, high = model.facts.value_range
    width = (high - low) / 255
    offsets = (start.x - x_0) / width
    assert 0.45 < float(offsets.max()) <= 0.5001
    assert -0.5001 <= float(offsets.min()) < -0.45
    assert start.log_volume == pytest.approx(math.prod(model.facts.shape) * math.log(width))


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["elbo", *arguments, "--device", "cpu", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_as_json(capsys: pytest.CaptureFixture[str], points: str, exact_points: ElboReport) -> None:
    found = answer(capsys, points, "--n", "150", "--variance", "beta", "--ode")
    assert (found["samples"], found["T"], found["dimensions"], found["data"]) == (150, T_POINTS, 2, "continuous")
    for name in ("matching", "consistency"):
        split, expected = found[name], getattr(exact_points.elbo, name)
        assert split["total"]["mean"] == expected.total.mean
        assert split["total"]["bits_per_dimension"] == pytest.approx(-expected.total.mean / 2 / np.log(2))
        assert len(split["curve"]["t"]) == len(split["curve"]["variance"]) == T_POINTS - 1
    assert len(found["consistency"]["curve"]["as_written"]) == T_POINTS - 1
    assert exact_points.ode is not None
    assert found["ode"]["mean"] == pytest.approx(float(exact_points.ode.mean()))
    assert len(found["ode"]["log_p"]) == len(found["ode"]["t"])
    assert found["exact"]["mean"] < 0


def test_what_is_not_known_is_null(capsys: pytest.CaptureFixture[str], plain_pictures: str) -> None:
    found = answer(capsys, plain_pictures, "--n", "1")
    assert found["ode"] is found["exact"] is found["matching"]["total"]["standard_error"] is None
    assert len(found["matching"]["curve"]["t"]) == T_PICTURES - 1


def test_as_a_table(capsys: pytest.CaptureFixture[str], points: str) -> None:
    assert main(["elbo", points, "--n", "20", "--t-samples", "6", "--seed", "4", "--ode"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["elbo", points, "--n", "20", "--t-samples", "6", "--schedule", "ve_sde"]) == 0
    assert "seed 0, schedule ve_sde" in capsys.readouterr().out.splitlines()[0]
    assert all(len(line) <= 90 for line in lines)
    assert "20 samples, 6 of 59 terms, variance β̃, seed 4" in lines[0]
    names = [line[:24].strip() for line in lines[3:]]
    assert names == [
        "reconstruction",
        "− prior",
        "− sum over steps",
        "= bound on log p",
        "bits per dimension",
        "variance of one draw",
        "log p by the ODE",
        "log p, exact",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], f"{POINTS} samples"),
        (["--n", str(POINTS + 1)], f"{POINTS} samples"),
        (["--t-samples", "0"], "between 1 and T − 1"),
        (["--t-samples", str(T_POINTS)], "between 1 and T − 1"),
        (["--seed", "-1"], "seed"),
        (["--device", "meta"], "meta"),
        (["--device", "nonsense"], "nonsense"),
        (["--variance", "learned"], "learned"),
    ],
)
def test_one_line_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], points: str, arguments: list[str], message: str
) -> None:
    assert main(["elbo", points, *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err


def test_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["elbo", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
