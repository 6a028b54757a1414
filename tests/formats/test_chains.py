"""Folders of latent chains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.model import LatentModel
from tests.chains import LEVELS, PICTURES, SHAPE, write_chain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_chain(tmp_path / "chain")


def change(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **values}), encoding="utf-8")


def test_facts_tell_of_levels_and_likelihood(folder: Path) -> None:
    facts = registry.inspect(folder)
    assert (facts.family, facts.levels, facts.T, facts.shape) == ("chain", LEVELS, len(LEVELS), SHAPE)
    assert (facts.kind, facts.lens_kind, facts.value_range) == ("image", "chain", (0.0, 1.0))
    assert (facts.title, facts.sample_count, facts.conditional) == ("Tiny chain", PICTURES, False)
    told = {fact.name: fact.value for fact in facts.evidence}
    assert told["family"] == "latent chain: Markovian HVAE"
    assert told["levels"] == "3: numbers in z₁ 5, z₂ 4, z₃ 3"
    assert "Bernoulli" in told["likelihood"]


def test_a_chain_of_one_level_is_a_vae(tmp_path: Path) -> None:
    facts = registry.inspect(write_chain(tmp_path, (2,)))
    assert {fact.name: fact.value for fact in facts.evidence}["family"] == "latent chain: VAE"


@torch.no_grad()
def test_loading_gives_the_chain_and_black_and_white_pictures(folder: Path) -> None:
    model = registry.load_any(folder, "cpu")
    assert isinstance(model, LatentModel)
    assert model.samples.shape == (PICTURES, *SHAPE)
    assert set(np.unique(model.samples)) == {0.0, 1.0}
    assert model.class_names == ("ring", "cross", "bar")
    x = torch.from_numpy(model.samples)
    z = x
    for t, size in enumerate(LEVELS, 1):
        z = model.chain.encode(t, z).mean
        assert z.shape == (PICTURES, size)
    assert model.chain.likelihood(model.chain.encode(1, x).mean).mean.shape == x.shape


def test_what_needs_a_diffusion_model_says_so(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"^Tiny chain is a chain of latent variables"):
        registry.load(folder, "cpu")


def test_without_pictures_it_opens_all_the_same(tmp_path: Path) -> None:
    model = registry.load_any(write_chain(tmp_path, pictures=0), "cpu")
    assert (model.facts.sample_count, len(model.samples)) == (0, 0)


def test_a_damaged_sheet_is_a_warning(folder: Path) -> None:
    sheet = folder / "samples.png"
    sheet.write_bytes(sheet.read_bytes()[:60])
    model = registry.load_any(folder, "cpu")
    assert (model.facts.sample_count, len(model.samples)) == (0, 0)
    assert "sample pictures are not used" in model.facts.warnings[-1]


def broken_levels(folder: Path) -> None:
    change(folder, network_config={"shape": [1, 8, 8]})


def broken_shape(folder: Path) -> None:
    change(folder, network_config={"shape": [8, 8], "levels": [2]})


def other_sizes(folder: Path) -> None:
    change(folder, network_config={"shape": [1, 8, 8], "levels": [7], "hidden": 16, "between": 8})


def other_likelihood(folder: Path) -> None:
    change(folder, likelihood="magic")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (broken_levels, "levels must be"),
        (broken_shape, "shape must be three whole numbers"),
        (other_sizes, "does not fit its configuration"),
        (other_likelihood, "likelihood must be one of bernoulli"),
        (no_weights, "holds no weights"),
    ],
)
def test_what_is_wrong_is_one_sentence(folder: Path, spoil: Callable[[Path], None], says: str) -> None:
    spoil(folder)
    with pytest.raises(ModelError) as error:
        registry.load_any(folder, "cpu")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
