"""What the weights of a network do not say, as the user says it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from explorer.facts import ModelError, ModelFacts
from explorer.formats import registry, trust
from explorer.formats.heads import parse_heads, read_heads
from tests.formats.reference import assert_close, read_reference


def source(facts: ModelFacts, name: str) -> str:
    return next(fact.source for fact in facts.evidence if fact.name == name)


@pytest.mark.parametrize(
    ("value", "text", "count"),
    [(4, "4", 4), ("4", "4", 4), ("of 64 channels", "of 64 channels", 2), ("64 channels", "of 64 channels", 2)],
)
def test_heads_are_a_number_or_a_width(value: object, text: str, count: int) -> None:
    assert parse_heads(value) == text
    assert read_heads(text).of(128) == count


@pytest.mark.parametrize("value", [0, -1, True, "many", "4 heads", 1.5, None])
def test_what_are_no_heads(value: object) -> None:
    with pytest.raises(ValueError, match="number of heads"):
        parse_heads(value)


@torch.no_grad()
def test_heads_and_order_of_a_network_that_is_none_of_the_published(tmp_path: Path) -> None:
    reference, file = read_reference("guided"), tmp_path / "model.pt"
    torch.save(reference.state, file)
    facts = registry.inspect(file)
    assert facts.settings == {"heads": "4", "qkv_order": "heads first"}
    assert (source(facts, "attention heads"), source(facts, "attention order")) == ("default", "default")
    with pytest.raises(ModelError, match=r"7 attention heads do not divide \d+ channels"):
        registry.set_facts(file, {"heads": 7})
    said = {"heads": "of 32 channels", "qkv_order": "q, k, v first", "size": 8, "schedule": {"name": "cosine"}}
    registry.set_facts(file, said)
    model = registry.load(file, "cpu")
    assert source(model.facts, "attention heads") == "user"
    assert any("T = 1000 is taken" in warning for warning in model.facts.warnings)
    x, labels = reference.tensor("x"), torch.tensor([2])
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        assert_close(model.denoiser(x, index + 1, labels).eps, expected.chunk(2, dim=1)[0])


class Points(nn.Module):
    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return x * time[:, None]


class Pictures(nn.Module):
    def forward(self, x: torch.Tensor, time: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return x * (time + labels)[:, None, None, None]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:builtin type")
@torch.no_grad()
def test_a_program_that_says_nothing_is_told_everything(tmp_path: Path) -> None:
    file = tmp_path / "network.pt"
    traced = torch.jit.trace(Points(), (torch.zeros(1, 2), torch.ones(1)))
    torch.jit.save(traced, file)
    facts = registry.inspect(file)
    assert (facts.kind, facts.shape, source(facts, "shape")) == ("image", (3, 32, 32), "default")
    assert any("Nothing says what the program works on" in warning for warning in facts.warnings)
    assert registry.inspect(file, {"kind": "line"}).shape == (1,)
    assert registry.inspect(file, {"size": [1, 28, 20]}).shape == (1, 28, 20)
    registry.set_facts(file, {"kind": "points", "time_input": "fraction", "T": 10})
    trust.agree_to_all()
    model = registry.load(file, "cpu")
    assert (model.facts.kind, model.facts.shape, source(model.facts, "kind")) == ("points", (2,), "user")
    assert not any("Nothing says what" in warning for warning in model.facts.warnings)
    x_t = torch.randn(3, 2)
    torch.testing.assert_close(model.denoiser(x_t, 5).output, 0.5 * x_t)
    trust.forget()


@torch.no_grad()
def test_an_exported_program_says_its_shape_itself(tmp_path: Path) -> None:
    inputs = (torch.zeros(2, 1, 4, 6), torch.ones(2), torch.ones(2, dtype=torch.int64))
    torch.export.save(torch.export.export(Pictures(), inputs), tmp_path / "network.pt2")
    facts = registry.inspect(tmp_path / "network.pt2")
    assert (facts.shape, source(facts, "shape"), source(facts, "kind")) == ((1, 4, 6), "file", "inferred")
    facts = registry.inspect(tmp_path / "network.pt2", {"labels": 3, "null_label": 2, "class_names": ["a", "b"]})
    assert (facts.class_names, facts.null_label, source(facts, "labels")) == (("a", "b"), 2, "user")
