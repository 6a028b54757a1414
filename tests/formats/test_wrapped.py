"""Networks inside the files that training scripts write: under their own keys, behind wrappers, beside an average."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.checkpoint import read_checkpoint
from explorer.formats.wrapped import unwrapped
from tests.formats.reference import assert_close, read_reference

State = dict[str, torch.Tensor]


def before(word: str, state: State) -> State:
    return {f"{word}{name}": value for name, value in state.items()}


def moved(state: State) -> State:
    return {name: value + 1 for name, value in state.items()}


WRITTEN: dict[str, Callable[[State], Any]] = {
    "compiled": lambda state: before("_orig_mod.", state),
    "nested": lambda state: {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}},
    "lightning": lambda state: {
        "pytorch-lightning_version": "2.2",
        "state_dict": before("net.", moved(state)) | before("ema.module.", state),
    },
    "ema_pytorch": lambda state: (
        before("online_model.", moved(state)) | before("ema_model.", state) | {"step": torch.tensor(3)}
    ),
    "timm": lambda state: {"state_dict": moved(state), "state_dict_ema": before("module.", state)},
    "torch_ema": lambda state: {"net": moved(state), "ema": {"decay": 0.9, "shadow_params": list(state.values())}},
}


@torch.no_grad()
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_network_is_found_and_its_average_goes_first(tmp_path: Path, kind: str) -> None:
    reference, file = read_reference("improved"), tmp_path / "model.pt"
    torch.save(WRITTEN[kind](reference.state), file)
    facts = registry.inspect(file, {"size": 8})
    both = kind not in ("compiled", "nested")
    assert (facts.format, facts.weight_sets, facts.weights) == (
        "openai",
        ("ema", "raw") if both else (),
        "ema" if both else "",
    )
    model, index = registry.load(file, "cpu", {"size": 8}), reference.values["times"][0]
    assert_close(model.denoiser(reference.tensor("x"), index + 1).eps, reference.tensor("outputs")[0])
    if kind == "timm":
        assert registry.inspect(file, {"size": 8, "weights": "raw"}).weights == "raw"
        raw = registry.load(file, "cpu", {"size": 8, "weights": "raw"})
        assert not torch.allclose(raw.denoiser(reference.tensor("x"), 1).eps, reference.tensor("outputs")[0])


@torch.no_grad()
def test_flow_matching(tmp_path: Path) -> None:
    """torchcfm's network is told the share of the data, and its velocity leads to them."""
    reference, file = read_reference("improved"), tmp_path / "otcfm_cifar10_weights_step_2.pt"
    torch.save({"net_model": moved(reference.state), "ema_model": reference.state, "step": 2}, file)
    said = {"size": 8, "heads": "4"}
    facts = registry.inspect(file, said)
    assert (facts.schedule, facts.prediction, facts.weights) == ("rectified_flow", "flow", "ema")
    flow = registry.load(file, "cpu", said).denoiser
    plain = registry.load(file, "cpu", {**said, "preset": "library defaults"}).denoiser
    x = reference.tensor("x")
    assert_close(flow(x, 1000).flow, -plain(x, 1).eps)  # both are told 0
    assert_close(flow(x, 1000).x0, x + plain(x, 1).eps)
    assert_close(flow(x, 250).x0, x - flow(x, 250).flow / 4)


def test_many_small_tables_are_no_networks(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    torch.save({str(i): {"a": {"b": {"c": torch.ones(2)}}} for i in range(50)}, file)
    assert unwrapped(read_checkpoint(file)) == ()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.int8])
def test_small_numbers(tmp_path: Path, dtype: torch.dtype) -> None:
    reference, file = read_reference("improved"), tmp_path / "model.pt"
    torch.save({name: value.to(dtype) for name, value in reference.state.items()}, file)
    if dtype == torch.int8:
        with pytest.raises(ModelError, match="whole numbers"):
            registry.load(file, "cpu", {"size": 8})
        return
    eps = registry.load(file, "cpu", {"size": 8}).denoiser(reference.tensor("x"), reference.values["times"][0] + 1).eps
    assert float((eps - reference.tensor("outputs")[0]).abs().mean()) < 0.2


class Whole(torch.nn.Module):
    """Pickled as a whole, it would have to be imported to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (Whole(), r"torch\.save\(model\.state_dict\(\)"),
        ({"model": Whole(), "epoch": 1}, "a whole Python object"),
        (torch.optim.Adam(Whole().parameters()).state_dict(), "optimizer"),
        ({"unet.mid.to_q.lora_A.weight": torch.ones(2, 2)}, "LoRA"),
        ({"encoder.conv_in.weight": torch.ones(1), "decoder.conv_in.weight": torch.ones(1)}, "an autoencoder"),
        (Whole().state_dict(), "adapter.py"),
        ({"a": torch.zeros(4, dtype=torch.uint16)}, "in a form that is not read"),
    ],
)
def test_what_to_do_with_other_files(tmp_path: Path, content: Any, says: str) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(ModelError, match=says):
        registry.inspect(tmp_path / "model.pt")
