"""score_sde_pytorch: the same numbers as NCSN++ and DDPM++, their labels, and the average kept as a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
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
@pytest.mark.parametrize("name", ["score_sde_vp", "score_sde_ve"])
def test_the_same_as_the_program(tmp_path: Path, name: str, average: bool) -> None:
    exploding = name.endswith("ve")
    model = registry.load(save(tmp_path, name, average), "cpu", {"size": 8})
    facts, reference, schedule = model.facts, read_reference(name), model.denoiser.schedule
    assert facts.prediction == ("score" if exploding else "eps")
    assert facts.value_range == ((0.0, 1.0) if exploding else (-1.0, 1.0))
    assert facts.schedule == ("ve_sde" if exploding else "vp_sde")
    assert facts.weight_sets == (("ema", "raw") if average else ())
    x, network = reference.tensor("x"), model.denoiser.network  # type: ignore[attr-defined]
    for label, expected in zip(reference.values["labels"], reference.tensor("outputs"), strict=True):
        assert_close(network.network(x, torch.tensor([label])), expected)
    for t in (1, 250.5, 1000):  # the labels of our times
        label = schedule.noise(t) if exploding else 999 * t / 1000
        assert_close(model.denoiser(x, t).output, network.network(x, torch.tensor([label], dtype=torch.float32)))
    if exploding:
        assert schedule.noise(1e-9) == pytest.approx(0.01)
        assert schedule.noise(1000) == pytest.approx(50)


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
