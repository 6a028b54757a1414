"""ermongroup/ddim: the same numbers as its network, every layout of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.reference import assert_close, read_reference

CONFIG = """\
!!python/object:argparse.Namespace
data: !!python/object:argparse.Namespace
  dataset: CIFAR10
  image_size: 8
diffusion: !!python/object:argparse.Namespace
  beta_schedule: quad
  beta_start: 0.001
  beta_end: 0.03
  num_diffusion_timesteps: 500
"""


def save(folder: Path, layout: str = "list") -> Path:
    state = read_reference("ddim").state
    raw = {f"module.{name}": value / 2 for name, value in state.items()}
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))]).state_dict()
    layouts: dict[str, Any] = {
        "list": [raw, optimizer, 3, 1000, state],
        "without average": [{f"module.{name}": value for name, value in state.items()}, optimizer, 3, 1000],
        "state dict": state,
    }
    torch.save(layouts[layout], folder / "ckpt.pth")
    return folder / "ckpt.pth"


@torch.no_grad()
@pytest.mark.parametrize("layout", ["list", "without average", "state dict"])
def test_the_same_as_the_program(tmp_path: Path, layout: str) -> None:
    model = registry.load(save(tmp_path, layout), "cpu", {"size": 8})
    reference, facts = read_reference("ddim"), model.facts
    assert (facts.T, facts.schedule, facts.prediction, facts.format) == (1000, "linear", "eps", "ermongroup ddim")
    assert facts.weight_sets == (("ema", "raw") if layout == "list" else ())
    x = reference.tensor("x")
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, index + 1).eps, expected)


def test_the_configuration_beside_it(tmp_path: Path) -> None:
    file = save(tmp_path)
    facts = registry.inspect(file)
    assert facts.shape == (3, 32, 32)  # attention is at the second of two levels, where it is 16×16
    (tmp_path / "config.yml").write_text(CONFIG)
    facts = registry.inspect(file)
    assert (facts.shape, facts.T, facts.schedule) == ((3, 8, 8), 500, "scaled_linear")
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert sources["shape"] == sources["T"] == sources["noise schedule"] == "file"
    betas = registry.load(file, "cpu").denoiser.schedule.betas
    assert betas is not None
    assert float(betas[-1]) == pytest.approx(0.03)


@pytest.mark.parametrize(
    "text", ["[", "- 1", "!!python/object/apply:os.system ['touch {proof}']", "a: &a [*a]", "\x00", "!!binary x"]
)
def test_configurations_that_are_none(tmp_path: Path, text: str) -> None:
    file, proof = save(tmp_path), tmp_path / "proof"
    (tmp_path / "config.yml").write_text(text.format(proof=proof) if "proof" in text else text)
    assert registry.inspect(file).T == 1000
    assert not proof.exists()


def test_wrong_entries(tmp_path: Path) -> None:
    file = save(tmp_path)
    (tmp_path / "config.yml").write_text("diffusion: {beta_schedule: linear, num_diffusion_timesteps: many}")
    with pytest.raises(ModelError, match="num_diffusion_timesteps"):
        registry.inspect(file)


def test_networks_that_are_not_whole(tmp_path: Path) -> None:
    state = read_reference("ddim").state
    del state["up.0.block.0.conv1.weight"]
    torch.save(state, tmp_path / "ckpt.pth")
    with pytest.raises(ModelError, match="missing"):
        registry.load(tmp_path / "ckpt.pth", "cpu")
