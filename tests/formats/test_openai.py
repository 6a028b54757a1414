"""State dicts of improved and guided diffusion: the same numbers as OpenAI's networks, and the published settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import openai, registry
from explorer.formats.adm_keys import AdmKeys, read_keys
from explorer.formats.heads import Heads
from explorer.formats.openai import LIBRARY, PRESETS, Preset
from explorer.formats.references import StorageRef, TensorRef
from tests.formats.reference import assert_close, read_reference


def save(folder: Path, name: str, **changes: Any) -> Path:
    state = {**read_reference(name).state, **changes}
    torch.save({key: value for key, value in state.items() if value is not None}, folder / "ema_0.9999_1000.pt")
    return folder / "ema_0.9999_1000.pt"


@torch.no_grad()
@pytest.mark.parametrize("T", [1000, 4000])
def test_guided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, T: int) -> None:
    preset = Preset(32, (1.0, 2.0), 1, True, True, "cosine", T, heads=Heads(width=32), new_order=True)
    monkeypatch.setitem(PRESETS, "small", preset)
    model = registry.load(save(tmp_path, "guided"), "cpu")
    facts, reference = model.facts, read_reference("guided")
    assert (facts.preset, facts.T, facts.schedule, facts.shape, facts.prediction) == (
        "small",
        T,
        "cosine",
        (3, 64, 64),
        "eps",
    )
    assert (facts.class_names, facts.null_label) == (("0", "1", "2"), None)
    assert facts.sampler_defaults == {"clip": True, "variance": "learned"}
    x, labels = reference.tensor("x"), torch.tensor([2])
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        prediction = model.denoiser(x, index * T // 1000 + 1, labels)  # T = 4000 counts in quarters
        mean, variance = expected.chunk(2, dim=1)
        assert_close(prediction.eps, mean)
        assert prediction.variance_fraction is not None
        assert_close(prediction.variance_fraction, (variance + 1) / 2)


@torch.no_grad()
def test_improved(tmp_path: Path) -> None:
    model = registry.load(save(tmp_path, "improved"), "cpu", {"size": 8})
    facts, reference = model.facts, read_reference("improved")
    assert (facts.preset, facts.T, facts.schedule, facts.class_names) == (LIBRARY, 1000, "linear", ())
    assert any("4 heads are taken" in warning for warning in facts.warnings)
    x = reference.tensor("x")
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        prediction = model.denoiser(x, index + 1)
        assert prediction.variance_fraction is None
        assert_close(prediction.eps, expected)


def test_the_user_chooses_a_preset(tmp_path: Path) -> None:
    file = save(tmp_path, "improved")
    facts = registry.inspect(file, {"preset": "improved CIFAR-10", "size": 32})
    assert (facts.preset, facts.T, facts.schedule, facts.shape) == ("improved CIFAR-10", 4000, "cosine", (3, 32, 32))
    assert facts.presets == tuple(PRESETS)
    model = registry.load(file, "cpu", {"preset": "improved CIFAR-10", "T": 500, "size": 8})
    assert model.denoiser.schedule.T == 500
    with pytest.raises(ModelError, match="preset must be one of"):
        registry.inspect(file, {"preset": "another"})


def test_evidence(tmp_path: Path) -> None:
    sources = {fact.name: fact.source for fact in registry.inspect(save(tmp_path, "guided")).evidence}
    assert sources["network"] == sources["learned variance"] == sources["classes"] == "inferred"
    assert sources["T"] == sources["noise schedule"] == sources["attention heads"] == "default"


def published(name: str) -> AdmKeys:
    """The sizes of a published network, whose weights are not at hand."""
    preset = PRESETS[name]
    shapes: dict[str, tuple[int, ...]] = {"time_embed.0.weight": (4 * preset.features, preset.features)}
    levels, k = len(preset.mults), 0
    for level, mult in reversed(list(enumerate(preset.mults))):
        for i in range(preset.blocks + 1):
            shapes[f"output_blocks.{k}.0.out_layers.3.weight"] = (int(mult * preset.features),) * 2
            if level and i == preset.blocks:
                up = "1.in_layers.0.weight" if preset.updown else "1.conv.weight"
                shapes[f"output_blocks.{k}.{up}"] = (1,)
            k += 1
    if not preset.updown:
        shapes["input_blocks.3.0.op.weight"] = (1,)
    if preset.conditional:
        shapes["label_emb.weight"] = (1000, 4 * preset.features)
    keys = read_keys({key: TensorRef(StorageRef("float32", 0), shape, shape) for key, shape in shapes.items()})
    assert keys.levels == levels
    return keys


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].features])
def test_published_models_are_recognised(name: str) -> None:
    keys = published(name)
    assert openai._matching(keys).value == name
    assert str(openai.SIZES[keys.mults]) in name or "CIFAR" in name


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_blocks.0.0.weight": torch.zeros(32, 6, 3, 3)}, "enlarge pictures"),
        ({"out.2.weight": torch.zeros(5, 32, 3, 3)}, "5 channels of 3"),
        ({"middle_block.1.qkv.weight": torch.zeros(9, 3, 1)}, "4 attention heads do not divide 3 channels"),
        ({"time_embed.2.bias": None}, "missing"),
        ({"extra.weight": torch.zeros(1)}, "not part of the network"),
        ({"input_blocks.999999999.0.weight": torch.zeros(1)}, "more blocks"),
        ({"input_blocks.a.0.weight": torch.zeros(1)}, "not whole"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(save(tmp_path, "improved", **changes), "cpu")
