"""Files of weights looked into without PyTorch, and without running anything of them."""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.checkpoint import Checkpoint, peek, read_checkpoint
from explorer.formats.stubs import Stub


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(300, 400), torch.nn.Conv2d(2, 3, 3).half())


def check_same(checkpoint: Checkpoint, table: str, state: dict[str, Any]) -> None:
    found = checkpoint.tensors(table)
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert torch.equal(checkpoint.tensor(found[name]), tensor)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves(tmp_path: Path, zipped: bool) -> None:
    module = network()
    optimizer = torch.optim.Adam(module.parameters())
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    values: dict[str, Any] = {
        "model": module.state_dict(),
        "opt": optimizer.state_dict(),
        "args": argparse.Namespace(depth=12, folder=Path("x")),
        "step": np.float32(3),
        "list": [1, "two", None, {3.0}],
        "more": {
            "bfloat16": torch.ones(3, dtype=torch.bfloat16),
            "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.5])),
            "turned": torch.arange(12.0).view(3, 4).T[1:],
            "empty": torch.zeros(0, 3),
            "one": torch.tensor(7),
        },
    }
    file = tmp_path / "model.pt"
    torch.save(values, file, _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(file)
    check_same(checkpoint, "model", module.state_dict())
    check_same(checkpoint, "more", values["more"])
    assert checkpoint.get("args").attributes["depth"] == 12
    assert checkpoint.get("args").attributes["folder"].arguments == ("x",)
    assert isinstance(checkpoint.get("step"), Stub)
    assert checkpoint.get("list") == [1, "two", None, {3.0}]
    assert checkpoint.get("list", -1) == {3.0}
    assert checkpoint.get("list", 9) is checkpoint.get("model", 0) is checkpoint.get("args", "depth") is None
    assert checkpoint.numbers(checkpoint.get("more", "parameter")) == (1.0, 2.5)
    assert checkpoint.numbers(checkpoint.get("more", "one")) == (7,)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_pickles_of_modules(tmp_path: Path, protocol: int) -> None:
    module, file = network(), tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps({"ema": module, "state": module.state_dict()}, protocol))
    checkpoint = read_checkpoint(file)
    check_same(checkpoint, "state", module.state_dict())
    ema = checkpoint.get("ema")
    assert ema.name == "torch.nn.modules.container.Sequential"
    (first, *_) = ema.attributes["_modules"].values()
    weight = first.attributes["_parameters"]["weight"]
    assert torch.equal(checkpoint.tensor(weight), module.state_dict()["0.weight"])


def test_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = network().state_dict()
    save_file(state, tmp_path / "m", metadata={"config": "{}"})
    checkpoint = read_checkpoint(tmp_path / "m")
    assert checkpoint.metadata == {"config": "{}"}
    for name, tensor in state.items():
        assert torch.equal(checkpoint.tensor(checkpoint.tensors()[name]), tensor)


class Calls:
    """A pickle of it calls what it is made with."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    file, proof = tmp_path / "model.pkl", tmp_path / "proof"
    calls = [Calls(os.system, f"touch {proof}"), Calls(Path.touch, proof), Calls(eval, f"open({str(proof)!r}, 'w')")]
    file.write_bytes(pickle.dumps({"model": calls, "class": os.system}, protocol))
    content = read_checkpoint(file).content
    assert not proof.exists()
    assert [stub.name.rpartition(".")[2] for stub in content["model"][:1]] == ["system"]
    with pytest.raises(ModelError, match="asks Python to run code"):
        registry.inspect(file)


def tampered(call: tuple[Any, ...]) -> bytes:
    return pickle.dumps({"weights": Calls(*call)}, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",  # bytes of an absurd length
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",  # a text of one
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f",  # an array of one
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f",  # a frame of one
        b"\x80\x02r\xff\xff\xff\x7f.",  # a memo of one
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999,
        tampered((torch._utils._rebuild_tensor_v2, "no storage", 0, (1,), (1,), False, {})),
        tampered((torch.storage._load_from_bytes, b"\x80\x02N.")),
        tampered((torch.storage._load_from_bytes, "text")),
    ],
)
def test_damaged_pickles(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(content)
    assert peek(file) is None
    with pytest.raises(ModelError, match="damaged"):
        read_checkpoint(file)


@pytest.mark.parametrize(
    ("start", "shape", "strides"),
    [(0, (4, 4), (4, 1)), (3, (2,), (1,)), (0, (10**9, 10**9), (0, 0)), (0, (2, 2), (1, 1)), (-1, (1,), (1,))],
)
def test_tensors_outside_their_storage(tmp_path: Path, start: int, shape: Any, strides: Any) -> None:
    class Tampered:
        def __reduce__(self) -> Any:
            storage = torch.zeros(4)._typed_storage()
            return torch._utils._rebuild_tensor_v2, (storage, start, shape, strides, False, {})

    torch.save({"a": Tampered()}, tmp_path / "model.pt")
    with pytest.raises(ModelError, match="damaged"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_files(tmp_path: Path, zipped: bool) -> None:
    file = tmp_path / "model.pt"
    torch.save({"a": torch.ones(1000), "b": torch.ones(1000)}, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    for length in (1, 40, 300, len(whole) // 2, len(whole) - 3):
        file.write_bytes(whole[:length])
        assert peek(file) is None


def test_looking_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from explorer.formats.checkpoint import read_checkpoint
assert read_checkpoint(Path(sys.argv[1])).tensors()["0.weight"].shape == (400, 300)
assert not {"torch", "numpy", "safetensors"} & set(sys.modules)
"""
    torch.save(network().state_dict(), tmp_path / "model.pt")
    subprocess.run([sys.executable, "-W", "error", "-c", code, tmp_path / "model.pt"], check=True, timeout=120)
