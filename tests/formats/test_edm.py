"""NVlabs' EDM pickles: the same x̂₀ as their networks, and none of their source run."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.networks.classifier import Classifier, ClassifierConfig
from explorer.training.folder import write_network
from tests.formats.inside import network_of
from tests.formats.reference import Reference, assert_close, read_reference

SOURCE = "from pathlib import Path\nPath({proof!r}).touch()\n"


def rebuild(_: Any) -> None:
    """In place of torch_utils.persistence's, which would run the source."""


@pytest.fixture
def persistence(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that the pickles name, as far as writing one needs it."""
    module = types.ModuleType("torch_utils.persistence")
    rebuild.__module__, rebuild.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    vars(module)["_reconstruct_persistent_obj"] = rebuild
    monkeypatch.setitem(sys.modules, "torch_utils", types.ModuleType("torch_utils"))
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", module)
    return rebuild


class Persistent(nn.Module):
    """A module that is pickled as NVlabs' are: its source and state in place of itself."""

    def __init__(self, class_name: str, source: str, **arguments: Any) -> None:
        super().__init__()
        self._init_args, self._init_kwargs = (), arguments
        self.class_name, self.source = class_name, source

    def __reduce__(self) -> Any:
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self.class_name}
        return rebuild, ({**meta, "state": self.__dict__},), None


def put(root: nn.Module, name: str, tensor: Tensor, source: str) -> None:
    *path, last = name.split(".")
    module = root
    for part in path:
        if part not in module._modules:
            module.add_module(part, nn.ModuleDict() if part in ("enc", "dec") else Persistent("UNetBlock", source))
        module = module.get_submodule(part)
    if last in ("resample_filter", "freqs", "u"):
        module.register_buffer(last, tensor)
    else:
        module.register_parameter(last, nn.Parameter(tensor))


def write(folder: Path, reference: Reference, proof: Path, **changes: Any) -> Path:
    source = SOURCE.format(proof=str(proof))
    arguments = {**reference.values["arguments"], **changes}
    model_type = arguments.pop("model_type")
    kind = reference.values["kind"]
    network = Persistent(kind, source, model_type=model_type, use_fp16=True, **arguments)
    arguments.pop("img_channels")
    outputs = 6 if kind == "iDDPMPrecond" else 3
    network.add_module("model", Persistent(model_type, source, in_channels=3, out_channels=outputs, **arguments))
    for name, tensor in reference.state.items():
        put(network, name, tensor, source)
    file = folder / "network-snapshot-001000.pkl"
    file.write_bytes(pickle.dumps({"ema": network, "loss_fn": None, "dataset_kwargs": {"path": "x.zip"}}))
    return file


@torch.no_grad()
@pytest.mark.parametrize("name", ["edm_ddpmpp", "edm_ncsnpp", "edm_skip", "edm_adm"])
def test_the_same_as_the_library(tmp_path: Path, persistence: Any, name: str) -> None:
    reference, proof = read_reference(name), tmp_path / "proof"
    model = registry.load(write(tmp_path, reference, proof), "cpu")
    facts, schedule = model.facts, model.denoiser.schedule
    assert not proof.exists()
    assert (facts.format, facts.prediction, facts.schedule, facts.shape) == ("edm", "x0", "karras", (3, 8, 8))
    labels = torch.tensor([1]) if facts.conditional else None
    x = reference.tensor("x")
    for sigma, expected in zip(reference.values["sigmas"], reference.tensor("outputs"), strict=True):
        call = network_of(model)
        level = torch.tensor([sigma], dtype=torch.float32)
        assert_close(call.network(x * sigma, level, *(() if labels is None else (labels,))), expected)
    # The same through our times, whose σ are the schedule's own.
    for t in (1, 250, 500, 750, 1000):
        prediction = model.denoiser(x * schedule.noise(t), t, labels)
        level = torch.tensor([schedule.noise(t)], dtype=torch.float32)
        assert_close(prediction.x0, call.network(x * schedule.noise(t), level, *(() if labels is None else (labels,))))


def test_labels(tmp_path: Path, persistence: Any) -> None:
    (tmp_path / "classifier").mkdir()
    judge = Classifier(ClassifierConfig(3, 8, 3, (8, 8, 8), 4))
    write_network(tmp_path / "classifier", "classifier", judge, {"class_names": list("012"), "value_range": [-1, 1]})
    without = registry.inspect(write(tmp_path, read_reference("edm_ddpmpp"), tmp_path / "proof"))
    assert (without.class_names, without.null_label) == (("0", "1", "2"), None)
    assert without.classifier is None  # it leads the unconditional model, which there is not
    model = registry.load(write(tmp_path, read_reference("edm_adm"), tmp_path / "proof"), "cpu")
    assert (model.facts.class_names, model.facts.null_label) == (("0", "1", "2"), 3)
    assert model.facts.classifier is not None
    x = torch.randn(1, 3, 8, 8)
    plain = model.denoiser(x, 500)
    assert torch.equal(plain.x0, model.denoiser(x, 500, torch.tensor([-1])).x0)
    assert not torch.equal(plain.x0, model.denoiser(x, 500, torch.tensor([0])).x0)


def test_levels_and_evidence(tmp_path: Path, persistence: Any) -> None:
    model = registry.load(write(tmp_path, read_reference("edm_adm"), tmp_path / "proof"), "cpu")
    schedule = model.denoiser.schedule
    # The ends of iDDPM's own row of levels, u_999 and u_0 of table 1.
    assert schedule.noise(1) == pytest.approx(0.006425, abs=1e-5)
    assert schedule.noise(1000) == pytest.approx(20291.17, rel=1e-5)
    sources = {fact.name: fact.source for fact in model.facts.evidence}
    assert sources["network"] == sources["shape"] == sources["prediction type"] == "file"
    assert sources["noise schedule"] == "default"
    other = registry.load(write(tmp_path, read_reference("edm_skip"), tmp_path / "proof"), "cpu", {"T": 10})
    assert other.denoiser.schedule.noise(10) == pytest.approx(80)
    assert bool(torch.isfinite(other.denoiser(torch.randn(1, 3, 8, 8), 1).x0).all())
    larger = registry.load(tmp_path / "network-snapshot-001000.pkl", "cpu", {"size": 16})
    assert larger.facts.shape == larger.denoiser(torch.randn(1, 3, 16, 16), 9).x0.shape[1:] == (3, 16, 16)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_channels": 10**9}, "model_channels"),
        ({"channel_mult": [1, 2, 2]}, "missing"),
        ({"num_blocks": "many"}, "num_blocks"),
        ({"embedding_type": "zero"}, "embedding_type"),
    ],
)
def test_networks_that_cannot_be_built(tmp_path: Path, persistence: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        registry.load(write(tmp_path, read_reference("edm_skip"), tmp_path / "proof", **changes), "cpu")
