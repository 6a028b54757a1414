"""The command line on latent chains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.cli import main
from tests.chains import LEVELS, PICTURES, write_chain

L = len(LEVELS)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_chain(tmp_path_factory.mktemp("chains") / "chain"))


def test_inspect_tells_the_family(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", chain, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["family"], facts["levels"], facts["T"]) == ("chain", list(LEVELS), L)


def test_look_draws_levels(chain: str, tmp_path: Path) -> None:
    out = tmp_path / "tiles.npz"
    assert main(["look", chain, "--t", "2", "--out", str(out)]) == 0
    with np.load(out) as arrays:
        assert {key: array.shape for key, array in arrays.items()} == {"z_t": (LEVELS[1],), "decoded": (1, 1, 8, 8)}
    lenses = "z_t,levels,latent_map,latent_grid,interpolation,terms,kl"
    assert main(["look", chain, "--t", "3", "--lens", lenses, "--out", str(tmp_path / "tiles.png")]) == 0
    with Image.open(tmp_path / "tiles.png") as picture:
        assert picture.width > 7 * 8


def test_sample_goes_down_and_keeps_every_level(chain: str, tmp_path: Path) -> None:
    both, alone = tmp_path / "both.npz", tmp_path / "alone.npz"
    assert main(["sample", chain, "--n", "2", "--seed", "4", "--trajectory", "--out", str(both)]) == 0
    assert main(["sample", chain, "--n", "1", "--first", "1", "--seed", "4", "--out", str(alone)]) == 0
    with np.load(both) as arrays, np.load(alone) as single:
        assert set(arrays) == {"x", "x_hat", *(f"z_{t}" for t in range(1, L + 1))}
        assert arrays["x"].dtype == np.float32
        assert arrays["x_hat"].shape == (L, 2, 1, 8, 8)
        np.testing.assert_allclose(arrays["x"][1:], single["x"], atol=1e-6)
        top = tmp_path / "top.npy"
        np.save(top, arrays[f"z_{L}"])
        again = tmp_path / "again.npz"
        assert main(["sample", chain, "--init", str(top), "--seed", "4", "--out", str(again)]) == 0
        with np.load(again) as repeated:
            np.testing.assert_allclose(repeated["x"], arrays["x"], atol=1e-6)
    assert main(["sample", chain, "--n", "4", "--out", str(tmp_path / "run.gif")]) == 0
    with Image.open(tmp_path / "run.gif") as film:
        assert getattr(film, "n_frames", 1) > 1


def test_elbo_is_told_with_its_errors(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["elbo", chain, "--importance", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["samples"], found["importance_draws"], found["likelihood"]) == (PICTURES, 8, "bernoulli")
    terms = sum(term["mean"] for term in found["level_terms"])
    assert found["elbo"]["mean"] == pytest.approx(found["reconstruction"]["mean"] - terms)
    assert found["gap"]["mean"] > -3 * found["gap"]["standard_error"]
    assert main(["elbo", chain, "--n", "3", "--importance", "4"]) == 0
    table = capsys.readouterr().out
    for words in ("E log p(x|z_1)", "− K_1", "− KL, z_3 to N(0, I)", "= ELBO", "weighted, 4 draws", "Bernoulli"):
        assert words in table


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sample", "--sampler", "heun"], "for diffusion models"),
        (["sample", "--steps", "9"], "this chain has 3 levels"),
        (["sample", "--schedule", "linear"], "no noise schedule"),
        (["sample", "--label", "1"], "has no classes"),
        (["sample", "--param", "eta=1"], "--param takes KEY=VALUE with one of temperature"),
        (["look", "--t", "1", "--lens", "eps"], "not for models of this kind (chain)"),
        (["look", "--t", "4"], "t = 4 is out of range"),
        (["elbo", "--ode"], "--ode is for diffusion models"),
        (["elbo", "--label", "1"], "--label is for diffusion models"),
        (["elbo", "--n", "99"], "comes with 12 samples"),
    ],
)
def test_what_does_not_apply_is_one_sentence(
    chain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    command, *rest = arguments
    out = [] if command == "elbo" else ["--out", str(tmp_path / "out.png")]
    assert main([command, chain, *rest, *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert says in error
    assert error.count("\n") == 1
