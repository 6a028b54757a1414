"""ermongroup/ncsnv2: the same scores at its noise levels, the average, and what its YAML says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

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


def test_evidence(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path))
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert {sources[name] for name in ("size", "T", "noise schedule", "value range")} == {"file"}
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
        ({"sigmas": [3.0, 2.0, 1.0]}, "geometric"),
        ({"yaml": YAML.format(logit="true", rescaled="false")}, "logit_transform"),
        ({"yaml": "model:\n  nonlinearity: sine\n"}, "nonlinearity"),
        ({"yaml": "data:\n  image_size: 15\n"}, "multiples of 2"),
    ],
)
def test_what_is_not_read(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(save(tmp_path, **changes), "cpu")
