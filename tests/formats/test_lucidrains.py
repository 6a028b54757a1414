"""Checkpoints of denoising-diffusion-pytorch: the same numbers as the library's, and what the file says of itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.schedules import SCHEDULES
from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.inside import network_of
from tests.formats.reference import Reference, assert_close, read_reference

OBJECTIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "eps": torch.ones_like,
    "x0": lambda snr: snr,
    "v": lambda snr: snr / (snr + 1),
}


def write(folder: Path, reference: Reference, betas: Tensor, objective: str, cut: float = torch.inf) -> Path:
    """What the library's Trainer saves: raw weights, and their average, which is the reference."""
    signal = torch.cumprod(1 - betas.double(), 0)
    snr = signal / (1 - signal)
    numbers = {
        "betas": betas.float(),
        "alphas_cumprod": signal.float(),
        "loss_weight": (OBJECTIVES[objective](snr) * snr.clamp(max=cut) / snr).float(),
    }
    state = reference.state
    raw = {f"model.{name}": value / 2 for name, value in state.items()} | numbers
    average = {f"ema_model.model.{name}": value for name, value in state.items()}
    average |= {f"ema_model.{name}": value for name, value in numbers.items()}
    average |= {f"online_model.{name}": value for name, value in raw.items()} | {"initted": torch.tensor(True)}
    values = {"step": 7, "model": raw, "opt": {"state": {}}, "ema": average, "scaler": None, "version": "2.3.4"}
    torch.save(values, folder / "model-7.pt")
    return folder / "model-7.pt"


def betas_of(name: str, T: int = 1000) -> Tensor:
    options = {"beta_start": 0.1 / T, "beta_end": 20 / T} if name == "linear" else {}
    betas = SCHEDULES[name](T, **options).betas
    assert betas is not None
    return betas


@torch.no_grad()
@pytest.mark.parametrize("release", ["1.0", "1.9", "2"])
def test_the_same_as_the_library(tmp_path: Path, release: str) -> None:
    reference = read_reference(f"lucidrains_{release}")
    file = write(tmp_path, reference, betas_of("sigmoid_alpha_bar"), "v")
    model = registry.load(file, "cpu", {"size": 8})
    x = reference.tensor("x")
    for t, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        prediction = model.denoiser(x, t + 1)
        assert prediction.kind == "v"
        assert_close(prediction.output, expected)
    raw = registry.load(file, "cpu", {"size": 8, "weights": "raw"})
    assert raw.facts.weights == "raw"
    assert not torch.allclose(raw.denoiser(x, 38).output, reference.tensor("outputs")[2], atol=0.1)


@torch.no_grad()
@pytest.mark.parametrize("release", ["1.0", "1.9", "2"])
def test_class_conditional_networks(tmp_path: Path, release: str) -> None:
    """classifier_free_guidance.py: with a label, and with the one that stands for none."""
    reference = read_reference(f"lucidrains_classes_{release}")
    state = {f"model.{name}": value for name, value in reference.state.items()}
    torch.save(state | {"betas": betas_of("cosine").float()}, tmp_path / "model.pt")
    chosen: dict[str, Any] = {"size": 8, "preset": "before 1.8"} if release == "1.0" else {"size": 8}
    model = registry.load(tmp_path / "model.pt", "cpu", chosen)
    facts = model.facts
    assert (facts.class_names, facts.null_label, facts.guidable) == (("0", "1", "2"), 3, True)
    assert facts.presets == (() if release == "2" else ("since 1.8", "before 1.8"))
    assert (facts.prediction, facts.schedule) == ("eps", "cosine")
    x, labels = reference.tensor("x"), torch.tensor([2, -1])
    for t, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, t + 1, labels).output, expected)


def test_the_release_tells_what_the_weights_do_not(tmp_path: Path) -> None:
    state = read_reference("lucidrains_classes_1.0").state
    eras = {"1.7.9": "before 1.8", "1.8.0": "since 1.8", "1.10.0": "since 1.8", "odd": "since 1.8"}
    for version, era in eras.items():
        torch.save({"model": state, "version": version}, tmp_path / "model.pt")
        facts = registry.inspect(tmp_path / "model.pt")
        assert (facts.preset, facts.schedule, facts.prediction) == (era, "cosine", "eps")


@torch.no_grad()
def test_a_file_as_the_library_saves_it(tmp_path: Path) -> None:
    """The names in both of its tables, and the numbers that are no weights, are the library's own."""
    reference = read_reference("lucidrains_file")
    own = {name.removeprefix("ema_model."): value for name, value in reference.state.items()}
    fixed = {name.removeprefix("fixed:"): reference.tensor(name) for name in reference.arrays if name[:6] == "fixed:"}
    raw = {name: fixed.get(name, torch.zeros(())) for name in reference.values["model"]}
    raw |= {name: 2 * value for name, value in own.items()}
    average = {name: torch.tensor([True]) for name in reference.values["ema"]}
    average |= {f"ema_model.{name}": value for name, value in {**raw, **own}.items()}
    assert average.keys() - set(reference.values["ema"]) == set()
    torch.save({"step": 1, "model": raw, "ema": average, "opt": {}, "version": "2.3.4"}, tmp_path / "model-1.pt")
    model = registry.load(tmp_path / "model-1.pt", "cpu", {"size": 8})
    facts = model.facts
    assert (facts.prediction, facts.schedule, facts.T, facts.weights) == ("x0", "cosine", 100, "ema")
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(reference.tensor("x"), index + 1).x0, expected)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid_alpha_bar"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("cut", [torch.inf, 5.0])
def test_schedule_and_objective_are_recovered(tmp_path: Path, schedule: str, objective: str, cut: float) -> None:
    T = 300 if schedule == "linear" else 1000
    file = write(tmp_path, read_reference("lucidrains_2"), betas_of(schedule, T), objective, cut)
    facts = registry.inspect(file)
    assert (facts.schedule, facts.T, facts.prediction, facts.format) == (schedule, T, objective, "lucidrains")
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert sources["noise schedule"] == sources["prediction type"] == sources["network"] == "inferred"
    assert sources["T"] == sources["library"] == "file"
    assert facts.weight_sets == ("ema", "raw")
    assert facts.weights == "ema"
    assert [warning for warning in facts.warnings if "large" not in warning] == []
    betas = registry.load(file, "cpu").denoiser.schedule.betas
    assert betas is not None
    assert (betas - betas_of(schedule, T)).abs().max() < 1e-9


def test_betas_that_were_averaged_are_used_with_a_warning(tmp_path: Path) -> None:
    betas = betas_of("cosine") * 0.99
    file = write(tmp_path, read_reference("lucidrains_2"), betas, "eps")
    model = registry.load(file, "cpu")
    assert (model.facts.schedule, model.facts.prediction) == ("trained betas", "eps")
    assert any("nearest: cosine" in warning for warning in model.facts.warnings)
    assert model.denoiser.schedule.betas is not None
    assert (model.denoiser.schedule.betas - betas.float()).abs().max() < 1e-9


def test_the_network_alone(tmp_path: Path) -> None:
    torch.save(read_reference("lucidrains_2").state, tmp_path / "unet.pt")
    facts = registry.inspect(tmp_path)
    assert (facts.schedule, facts.T, facts.prediction, facts.shape) == ("sigmoid_alpha_bar", 1000, "v", (3, 32, 32))
    assert {"network alone", "how large"} == {
        words for words in ("network alone", "how large") for warning in facts.warnings if words in warning
    }
    assert registry.inspect(tmp_path, {"size": [16, 8], "prediction": "eps"}).shape == (3, 16, 8)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"downs.0.2.to_qkv.weight": None}, "missing"),
        ({"downs.0.2.to_qkv.weight": (1, 1)}, "is 1×1 where"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    state = read_reference("lucidrains_2").state
    for name, shape in changes.items():
        state.pop(name, None)
        if shape is not None:
            state[name] = torch.zeros(shape)
    torch.save(state, tmp_path / "unet.pt")
    with pytest.raises(ModelError, match=says):
        registry.load(tmp_path / "unet.pt", "cpu")


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    torch.save(read_reference("lucidrains_2").state, tmp_path / "unet.pt")
    with pytest.raises(ModelError, match="multiples of 2"):
        registry.inspect(tmp_path, {"size": 9})


def test_a_folder_of_several(tmp_path: Path) -> None:
    state = read_reference("lucidrains_2").state
    for name in ("a.pt", "b.pt"):
        torch.save(state, tmp_path / name)
    with pytest.raises(ModelError, match=r"2 models, a\.pt, b\.pt"):
        registry.inspect(tmp_path)
    (tmp_path / "a.explorer.json").write_text('{"title": "The first", "size": 16}')
    assert registry.inspect(tmp_path / "a.pt").title == "The first"
    assert registry.inspect(tmp_path / "a.pt").shape == (3, 16, 16)
    assert registry.inspect(tmp_path / "b.pt").title == "b"


@torch.no_grad()
def test_networks_of_continuous_time(tmp_path: Path) -> None:
    """They are told log SNR, or ¼ log σ through EDM's preconditioning."""
    reference = read_reference("lucidrains_continuous")
    x, said = reference.tensor("x"), {"size": 8}
    files = {}
    for prefix in ("model", "net"):
        files[prefix] = tmp_path / f"{prefix}.pt"
        state = {f"{prefix}.{name}": value for name, value in reference.state.items()}
        average = {f"ema_model.{name}": value for name, value in state.items()}
        torch.save({"model": {name: value / 2 for name, value in state.items()}, "ema": average}, files[prefix])
    told = torch.tensor([(t - 500) / 100 for t in reference.values["times"]])

    model = registry.load(files["model"], "cpu", said)
    schedule = model.denoiser.schedule
    assert (model.facts.schedule, model.facts.prediction, model.facts.weights) == ("vp_sde", "eps", "ema")
    assert schedule.log_snr(500) == pytest.approx(-math.log(math.expm1(2.5)), abs=1e-6)
    network = network_of(model)
    for value, expected in zip(told, reference.tensor("outputs"), strict=True):
        assert_close(network.network(x, value[None]), expected)
    asked = network.network(x, torch.tensor([schedule.log_snr(700.0)]))
    assert_close(model.denoiser(x, 700).eps, asked)
    cosine = registry.inspect(files["model"], {**said, "preset": "v, cosine"})
    assert (cosine.schedule, cosine.prediction) == ("cosine", "v")

    elucidated = registry.load(files["net"], "cpu", said)
    assert (elucidated.facts.schedule, elucidated.facts.prediction) == ("karras", "x0")
    t = 600
    sigma = elucidated.denoiser.schedule.noise(t)  # and the signal is 1
    total = math.hypot(sigma, 0.5)
    inner = network.network(x / total, torch.tensor([math.log(sigma) / 4]))
    assert_close(elucidated.denoiser(x, t).x0, 0.25 / total**2 * x + sigma * 0.5 / total * inner)
