"""ermongroup/ncsn and ncsnv2: the same scores at their noise levels, the average, what YAML says, and the sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import find
from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.reference import assert_close, read_reference

KINDS = ("ncsnv2", "ncsnv2_deeper", "ncsnv2_deepest")
YAML = "data:\n  image_size: 16\n  logit_transform: {logit}\n  rescaled: {rescaled}\nmodel:\n  nonlinearity: elu\n"


def save(folder: Path, name: str = "ncsnv2", ema: bool = True, sigmas: Any = None, yaml: str | None = "") -> Path:
    """As the program saves it: parallel, with the optimiser, the epoch and the step, and the average's parameters."""
    reference = read_reference(name)
    levels = reference.tensor("sigmas") if sigmas is None else torch.tensor(sigmas)
    state = {key: value for key, value in reference.state.items() if key != "sigmas"}
    raw = {f"module.{key}": value / 2 if ema else value for key, value in state.items()}
    content: list[Any] = [{"module.sigmas": levels, **raw}, {"state": {}, "param_groups": []}, 3, 17]
    torch.save([*content, state] if ema else content, folder / "checkpoint_17.pth")
    if yaml is not None:
        (folder / "config.yml").write_text(yaml or YAML.format(logit="false", rescaled="false"))
    return folder / "checkpoint_17.pth"


@torch.no_grad()
@pytest.mark.parametrize("ema", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_the_same_as_the_program(tmp_path: Path, name: str, ema: bool) -> None:
    model, reference = registry.load(save(tmp_path, name, ema), "cpu"), read_reference(name)
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.shape, facts.T, facts.prediction, facts.value_range) == ((3, 16, 16), 10, "score", (0.0, 1.0))
    assert facts.weight_sets == (("ema", "raw") if ema else ())
    x = reference.tensor("x")
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        t = facts.T - label  # its first level is the noisiest
        assert schedule.noise(t) == pytest.approx(float(reference.tensor("sigmas")[label]), rel=1e-6)
        assert_close(model.denoiser(x, t).output, expected)


def save_first(folder: Path, yaml: str = "") -> Path:
    """As ermongroup/ncsn saves it: parallel, with the optimiser."""
    state = {f"module.{key}": value for key, value in read_reference("ncsn").state.items()}
    torch.save([state, {"state": {}, "param_groups": []}], folder / "checkpoint_5000.pth")
    if yaml:
        (folder / "config.yml").write_text(yaml)
    return folder / "checkpoint_5000.pth"


@torch.no_grad()
def test_the_first_network_is_told_the_number_of_a_level(tmp_path: Path) -> None:
    yaml = "data: {image_size: 28, logit_transform: false}\nmodel: {sigma_begin: 1, sigma_end: 0.01, num_classes: 10}\n"
    model, reference = registry.load(save_first(tmp_path, yaml), "cpu"), read_reference("ncsn")
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.shape, facts.T, facts.prediction, facts.value_range) == ((1, 28, 28), 10, "score", (0.0, 1.0))
    assert facts.warnings == ()
    x = reference.tensor("x")
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert schedule.noise(10 - label) == pytest.approx(0.01 ** (label / 9), rel=1e-6)
        assert_close(model.denoiser(x, 10 - label).score, expected)
    fixed = registry.inspect(facts.path, {"T": 20})
    assert fixed.T == 10
    assert "by number" in fixed.warnings[0]


def test_without_yaml_the_levels_of_the_first_network_are_those_of_the_program(tmp_path: Path) -> None:
    facts = registry.inspect(save_first(tmp_path))
    assert str(facts.schedule_numbers) == "geometric (sigma_min 0.01, sigma_max 1)"
    assert facts.shape == (1, 28, 28)
    assert any("does not hold its noise levels: 10 from 1 to 0.01" in warning for warning in facts.warnings)


def test_the_same_networks_in_score_sde(tmp_path: Path) -> None:
    """Their average is a list without names, in the order of the parameters; the noise levels are none of them."""
    reference = read_reference("ncsnv2")
    state = {key: value for key, value in reference.state.items() if key != "sigmas"}
    raw = {f"module.{key}": value / 2 for key, value in state.items()}
    model = {"module.sigmas": reference.tensor("sigmas"), **raw}
    content = {"optimizer": {}, "model": model, "ema": {"shadow_params": list(state.values())}, "step": 3}
    torch.save(content, tmp_path / "checkpoint_1.pth")
    loaded = registry.load(tmp_path / "checkpoint_1.pth", "cpu")
    assert loaded.facts.weight_sets == ("ema", "raw")
    assert_close(loaded.denoiser(reference.tensor("x"), 7).output, reference.tensor("outputs")[1])


@torch.no_grad()
def test_levels_that_are_not_geometric_are_taken_from_the_file(tmp_path: Path) -> None:
    levels = [3.0, 2.5, 1.0, 0.25]
    model = registry.load(save(tmp_path, sigmas=levels), "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert (facts.T, facts.schedule, facts.schedule_numbers) == (4, "trained levels", None)
    assert [schedule.noise(t) for t in (4, 3, 2, 1)] == levels
    x = read_reference("ncsnv2").tensor("x")
    scores = [model.denoiser(x, t).score * schedule.noise(t) for t in (4, 1)]  # the network but for its division
    assert_close(scores[0], scores[1])
    assert facts.proposed is not None
    sampler = find(facts.proposed.sampler)
    parameters = sampler.parameters(**facts.proposed.parameters)
    assert list(dict.fromkeys(sampler.plan(schedule, facts.proposed.steps, parameters))) == [4, 3, 2, 1, 0]


@torch.no_grad()
def test_annealed_langevin_is_proposed_with_the_programs_own_steps(tmp_path: Path) -> None:
    """x += α s + √(2α) z with α = step_lr (σ/σ_L)², n_steps_each times at each σ, then x += σ_L² s at the last."""
    yaml = (
        YAML.format(logit="false", rescaled="false") + "sampling: {step_lr: 0.00001, n_steps_each: 2, denoise: true}\n"
    )
    model = registry.load(save(tmp_path, sigmas=[0.5, 0.1, 0.02], yaml=yaml), "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert facts.proposed is not None
    assert (facts.proposed.sampler, facts.proposed.steps) == ("annealed_langevin", 3)
    assert ("sampler", "file") in [(fact.name, fact.source) for fact in facts.evidence]
    sampler = find("annealed_langevin")
    parameters = sampler.parameters(**facts.proposed.parameters)
    times = sampler.plan(schedule, 3, parameters)
    start = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    noise = NoiseSource(7, 2, (3, 16, 16), torch.device("cpu"))
    x, index = start, 0
    for t, sigma in ((3, 0.5), (2, 0.1), (1, 0.02)):
        for _ in range(2):
            index += 1
            step = 1e-5 * (sigma / 0.02) ** 2
            x = x + step * model.denoiser(x, t).score + (2 * step) ** 0.5 * noise(index)
    expected = x + 0.02**2 * model.denoiser(x, 1).score
    *_, last = sampler.sample(model.denoiser, schedule, start, times, noise, parameters)
    assert_close(last.x, expected)


def test_without_yaml_the_steps_are_those_of_the_programs(tmp_path: Path) -> None:
    """ncsn's MNIST has 100 steps of 2e-5 and stops at the last level; ncsnv2's CIFAR-10 5 of 6.2e-6, and then x̂₀."""
    first = registry.inspect(save_first(tmp_path)).proposed
    second = registry.inspect(save(tmp_path, sigmas=[1.0, 0.1, 0.01], yaml="")).proposed
    assert first is not None
    assert second is not None
    for proposed, step, each, denoise in ((first, 2e-5, 100, False), (second, 6.2e-6, 5, True)):
        assert proposed.parameters["step_size"] == pytest.approx(2 * step / 0.01**2)
        assert proposed.parameters["steps_per_level"] == each
        assert proposed.parameters["denoise"] is denoise


def test_evidence(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path))
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert {sources[name] for name in ("shape", "T", "noise schedule", "value range")} == {"file"}
    (tmp_path / "config.yml").unlink()
    facts = registry.inspect(save(tmp_path, yaml=None))
    assert facts.shape == (3, 32, 32)
    assert {fact.name: fact.source for fact in facts.evidence}["value range"] == "default"
    rescaled = registry.inspect(save(tmp_path, yaml=YAML.format(logit="false", rescaled="true")))
    assert rescaled.value_range == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sigmas": [1.0]}, "falls"),
        ({"sigmas": [1.0, 2.0]}, "falls"),
        ({"sigmas": [2.0, 1.0, float("nan")]}, "falls"),
        ({"yaml": YAML.format(logit="true", rescaled="false")}, "logit_transform"),
        ({"yaml": "model:\n  nonlinearity: sine\n"}, "nonlinearity"),
        ({"yaml": "data:\n  image_size: 15\n"}, "multiples of 2"),
    ],
)
def test_what_is_not_read(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(save(tmp_path, **changes), "cpu")


def test_networks_whose_weights_are_normalised_spectrally(tmp_path: Path) -> None:
    state = read_reference("ncsn").state
    normed = {f"{name}_orig" if value.ndim == 4 else name: value for name, value in state.items()}
    torch.save([normed, {}], tmp_path / "checkpoint.pth")
    with pytest.raises(ModelError, match="normalised spectrally"):
        registry.inspect(tmp_path / "checkpoint.pth")
