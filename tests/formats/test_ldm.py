"""CompVis' latent diffusion: the same numbers as its U-Net, with and without a context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.reference import assert_close, read_reference, weights

TOKENS = "cond_stage_model.embedding.weight"
YAML = """\
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params: {parameterization: PARAMETERIZATION, unet_config: {params: {image_size: 8, HEADS}}}
"""


def save(folder: Path, name: str, heads: str = "", average: bool = True, changes: dict[str, Any] | None = None) -> Path:
    unet = read_reference(name).state
    table = {f"model.diffusion_model.{key}": value / (2 if average else 1) for key, value in unet.items()}
    if average:
        table |= {f"model_ema.diffusion_model{key.replace('.', '')}": value for key, value in unet.items()}
        table |= {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(3)}
    table["betas"] = (torch.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=torch.float64) ** 2).float()
    table["scale_factor"], table["first_stage_model.encoder.conv_in.weight"] = torch.tensor(0.2), torch.zeros(3, 3)
    if name == "ldm_context":
        table |= weights({TOKENS: (4, 16)})
    values = {
        "epoch": 3,
        "global_step": 9,
        "state_dict": {**table, **(changes or {})},
        "optimizer_states": [{}],
        "loops": None,
    }
    torch.save(values, folder / "last.ckpt")
    if heads:
        (folder / "last.yaml").write_text(YAML.replace("HEADS", heads).replace("PARAMETERIZATION", "eps"))
    return folder / "last.ckpt"


@torch.no_grad()
@pytest.mark.parametrize(("name", "heads"), [("ldm", "num_head_channels: 32"), ("ldm_context", "num_heads: 2")])
@pytest.mark.parametrize("average", [True, False])
def test_the_same_as_the_library(tmp_path: Path, name: str, heads: str, average: bool) -> None:
    model = registry.load(save(tmp_path, name, heads, average), "cpu")
    facts, reference = model.facts, read_reference(name)
    assert (facts.shape, facts.T, facts.schedule, facts.prediction) == ((3, 8, 8), 1000, "scaled_linear", "eps")
    assert facts.weight_sets == (("ema", "raw") if average else ())
    assert facts.class_names == (("0", "1", "2", "3") if name == "ldm_context" else ())
    betas = model.denoiser.schedule.betas
    assert betas is not None
    assert float(betas[0]) == pytest.approx(0.0015, abs=1e-7)
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert sources["attention heads"] == sources["shape"] == sources["prediction type"] == "file"
    x, labels = reference.tensor("x"), torch.tensor([2]) if facts.conditional else None
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, index + 1, labels).eps, expected)


def test_without_the_yaml(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path, "ldm"))
    assert facts.shape == (3, 64, 64)
    assert any("number of attention heads" in warning for warning in facts.warnings)
    assert any("autoencoder is of a kind" in warning for warning in facts.warnings)
    assert any("shown as they are" in warning for warning in facts.warnings)


def test_texts_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="looks at a text"):
        registry.inspect(save(tmp_path, "ldm_context", changes={TOKENS: torch.zeros(4, 3)}))


def test_the_last_of_1001_labels_is_the_null_label(tmp_path: Path) -> None:
    facts = registry.inspect(save(tmp_path, "ldm_context", changes={TOKENS: torch.zeros(1001, 16)}))
    assert facts.null_label == 1000
    assert len(facts.class_names) == 1000
    assert registry.inspect(save(tmp_path, "ldm_context")).null_label is None, "four labels, of another making"


def test_other_schedules(tmp_path: Path) -> None:
    betas = torch.linspace(0.001, 0.02, 500)
    model = registry.load(save(tmp_path, "ldm", changes={"betas": betas}), "cpu")
    assert (model.facts.schedule, model.facts.T) == ("trained betas", 500)
    with pytest.raises(ModelError, match="no noise schedule"):
        registry.inspect(save(tmp_path, "ldm", changes={"betas": betas - 1}))
