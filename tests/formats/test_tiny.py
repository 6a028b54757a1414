"""tiny-diffusion: the same numbers as its MLP."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.reference import assert_close, read_reference


@torch.no_grad()
@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("name", ["tiny", "tiny_learned"])
def test_the_same_as_the_program(tmp_path: Path, name: str, stored: bool) -> None:
    reference = read_reference(name)
    state = reference.state
    for key in [key for key in state if key.endswith(".emb")]:
        state[key] = reference.tensor(key)
        if not stored:
            del state[key]
    torch.save(state, tmp_path / "model.pth")
    model = registry.load(tmp_path, "cpu")  # T = 50: beyond that our times end
    facts = model.facts
    assert (facts.kind, facts.shape, facts.T, facts.schedule, facts.prediction) == ("points", (2,), 50, "linear", "eps")
    assert facts.sampler_defaults == {"clip": False}
    sources = {fact.name: fact.source for fact in facts.evidence}
    assert (sources["T"], sources["network"]) == ("default", "inferred")
    longer = registry.load(tmp_path, "cpu", {"T": 1000})
    x = reference.tensor("x")
    for index, expected in zip(reference.values["times"], reference.tensor("outputs"), strict=True):
        if index < 50:
            assert_close(model.denoiser(x, index + 1).eps, expected)
        assert_close(longer.denoiser(x, index + 1).eps, expected)


def test_other_embeddings_are_refused(tmp_path: Path) -> None:
    state = read_reference("tiny").state
    state = {name: value for name, value in state.items() if not name.endswith(".emb")}
    state["joint_mlp.0.weight"] = torch.zeros(16, 3)
    torch.save(state, tmp_path / "model.pth")
    with pytest.raises(ModelError, match="single numbers"):
        registry.inspect(tmp_path / "model.pth")
