"""score_sde_pytorch: the same numbers as NCSN++ and DDPM++, their labels, and the average kept as a list."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.inside import network_of
from tests.formats.reference import assert_close, read_reference


def save(folder: Path, name: str, average: bool = True, without: str = "") -> Path:
    reference = read_reference(name)
    fixed = {key: reference.tensor(key) for key in ("sigmas", "all_modules.0.W") if key in reference.arrays}
    state = reference.state | fixed
    trained = reference.values["trained"]
    raw = {f"module.{key}": value / 2 if average and key in trained else value for key, value in state.items()}
    raw.pop(f"module.{without}", None)
    ema = {"decay": 0.9999, "num_updates": 7, "shadow_params": [state[key] for key in trained] if average else []}
    torch.save({"optimizer": {"state": {}}, "model": raw, "ema": ema, "step": 7}, folder / "checkpoint_7.pth")
    return folder / "checkpoint_7.pth"


@torch.no_grad()
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("name", ["score_sde_vp", "score_sde_vp_fir", "score_sde_ve", "score_sde_skip"])
def test_the_same_as_the_program(tmp_path: Path, name: str, average: bool) -> None:
    exploding = "vp" not in name
    model = registry.load(save(tmp_path, name, average), "cpu", {"size": 8})
    facts, reference, schedule = model.facts, read_reference(name), model.denoiser.schedule
    assert facts.prediction == ("score" if exploding else "eps")
    assert facts.value_range == ((0.0, 1.0) if exploding else (-1.0, 1.0))
    assert facts.schedule == ("ve_sde" if exploding else "vp_sde")
    assert facts.weight_sets == (("ema", "raw") if average else ())
    x, network = reference.tensor("x"), network_of(model)
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert_close(network.network(x, torch.tensor([label])), expected)
    for t in (1, 250.5, 1000):  # the labels of our times
        label = schedule.noise(t) if exploding else 999 * t / 1000
        assert_close(model.denoiser(x, t).output, network.network(x, torch.tensor([label], dtype=torch.float32)))
    if exploding:
        assert schedule.noise(1e-9) == pytest.approx(0.01)
        assert schedule.noise(1000) == pytest.approx(50)


@torch.no_grad()
@pytest.mark.parametrize("average", [True, False])
def test_networks_of_the_type_ddpm(tmp_path: Path, average: bool) -> None:
    """Attention on the way up follows the last block of a level alone."""
    model = registry.load(save(tmp_path, "score_sde_ddpm", average), "cpu", {"size": 8})
    facts, reference = model.facts, read_reference("score_sde_ddpm")
    assert (facts.schedule, facts.T, facts.prediction, facts.preset) == ("linear", 1000, "eps", "VP, discrete")
    assert facts.weight_sets == (("ema", "raw") if average else ())
    assert any("“VP”, “sub-VP” and “VE, discrete”" in warning for warning in facts.warnings)
    x = reference.tensor("x")
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, label + 1).eps, expected)
    continuous = registry.load(facts.path, "cpu", {"size": 8, "preset": "VP"})
    assert continuous.facts.schedule == "vp_sde"
    assert_close(continuous.denoiser(x, 1000 * 500 / 999).eps, reference.tensor("outputs")[3])


@torch.no_grad()
def test_networks_of_the_type_ddpm_on_discrete_levels(tmp_path: Path) -> None:
    model = registry.load(save(tmp_path, "score_sde_ddpm_ve"), "cpu", {"size": 8, "preset": "VE, discrete"})
    reference = read_reference("score_sde_ddpm_ve")
    assert (model.facts.schedule, model.facts.prediction, model.facts.value_range) == ("geometric", "score", (0.0, 1.0))
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(reference.tensor("x"), 1000 - label).score, expected)


def test_a_network_of_the_type_ddpm_that_is_not_whole(tmp_path: Path) -> None:
    file = save(tmp_path, "score_sde_ddpm", average=False)
    state = torch.load(file, weights_only=True)
    last = max(int(key.split(".")[2]) for key in state["model"] if "all_modules" in key)
    state["model"] = {key: value for key, value in state["model"].items() if f"all_modules.{last}." not in key}
    torch.save(state, file)
    with pytest.raises(ModelError, match="nothing where conv is expected"):
        registry.load(file, "cpu")


@torch.no_grad()
def test_the_sub_vp_sde(tmp_path: Path) -> None:
    """score = −output / (1 − ᾱ), the standard deviation of sub-VP (Song et al. 2021, eq. 29)."""
    model = registry.load(save(tmp_path, "score_sde_vp"), "cpu", {"size": 8, "preset": "sub-VP"})
    assert (model.facts.schedule, model.facts.prediction, model.facts.warnings) == ("sub_vp_sde", "eps", ())
    reference = read_reference("score_sde_vp")
    x = reference.tensor("x")
    for label, output in zip(reference.values["labels"][1:], reference.tensor("outputs")[1:], strict=True):
        u = label / 999
        deviation = 1 - math.exp(2 * (-0.25 * u**2 * 19.9 - 0.5 * u * 0.1))
        assert_close(model.denoiser(x, 1000 * u).score, -output / deviation)


@torch.no_grad()
def test_ve_in_discrete_levels(tmp_path: Path) -> None:
    """The label counts σ from the greatest down; pictures in 0 … 1 are moved to −1 … 1; the output is divided by σ."""
    model = registry.load(save(tmp_path, "score_sde_vp"), "cpu", {"size": 8, "preset": "VE, discrete"})
    facts, schedule, reference = model.facts, model.denoiser.schedule, read_reference("score_sde_vp")
    assert (facts.schedule, facts.prediction, facts.value_range, facts.T) == ("geometric", "score", (0.0, 1.0), 1000)
    x = (reference.tensor("x") + 1) / 2
    for label, output in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        level = math.exp(math.log(50) + label / 999 * (math.log(0.01) - math.log(50)))
        t = 1000 - int(label)
        assert schedule.noise(t) == pytest.approx(level, rel=1e-6)
        assert_close(model.denoiser(x, t).score, output / level)


@torch.no_grad()
def test_vp_on_its_table_of_betas(tmp_path: Path) -> None:
    chosen = {"size": 8, "schedule": {"name": "linear"}}
    model = registry.load(save(tmp_path, "score_sde_vp"), "cpu", chosen)
    reference = read_reference("score_sde_vp")
    for label, output in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(reference.tensor("x"), int(label) + 1).eps, output)


@torch.no_grad()
def test_the_first_versions_counted_modules_without_weights(tmp_path: Path) -> None:
    """Where pictures are carried along from level to level, these had an entry in the list for each resampling."""
    reference = read_reference("score_sde_skip")
    file = save(tmp_path, "score_sde_skip", average=False)
    state = torch.load(file, weights_only=True)
    convolutions = (key for key in reference.shapes if key.endswith("Conv_0.weight"))
    combination = next(key for key in convolutions if reference.shapes[key][2] == 1)
    before = int(combination.split(".")[1])  # behind a resampling of the input, which is counted too

    def moved(key: str) -> str:
        path = key.split(".")
        if path[1] == "all_modules":
            path[2] = str(int(path[2]) + (int(path[2]) >= before))
        return ".".join(path)

    state["model"] = {moved(key): value for key, value in state["model"].items()}
    torch.save(state, file)
    model = registry.load(file, "cpu", {"size": 8})
    label = reference.values["labels"][2]
    network = network_of(model).network
    assert_close(network(reference.tensor("x"), torch.tensor([label])), reference.tensor("outputs")[2])


def test_evidence(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path, "score_sde_vp"))
    assert facts.shape == (3, 32, 32)  # attention is at the second level, where it is 16×16
    assert any("sub-VP" in warning for warning in facts.warnings)
    other = registry.inspect(save(tmp_path, "score_sde_vp"), {"schedule": {"name": "sub_vp_sde"}})
    assert other.schedule == "sub_vp_sde"


@pytest.mark.parametrize("without", ["all_modules.3.Conv_1.weight", "all_modules.2.bias"])
def test_networks_that_are_not_whole(tmp_path: Path, without: Any) -> None:
    with pytest.raises(ModelError, match=r"whole|expected"):
        registry.load(save(tmp_path, "score_sde_vp", average=False, without=without), "cpu")
