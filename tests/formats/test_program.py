"""Networks that are programs: nothing runs without consent, and what runs gives the program's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.cli import main
from explorer.facts import ModelError
from explorer.formats import registry, trust
from tests.formats.conftest import write_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:builtin type")
TIMES = (1, 2, 37, 80, 100)
FACTS: dict[str, Any] = {
    "shape": [1, 4, 4],
    "labels": 3,
    "null_label": 2,
    "schedule": {"name": "cosine"},
    "T": 100,
    "prediction": "v",
}
ADAPTER = """
from pathlib import Path
import torch

FACTS = {facts!r}
Path({marker!r}).write_text("ran")


class Network(torch.nn.Module):
    def forward(self, x, time, labels):
        return x * torch.cos(time).view(-1, 1, 1, 1) + labels.view(-1, 1, 1, 1)


def load(folder):
    assert (folder / "adapter.py").is_file()
    return Network()
"""


class Network(nn.Module):
    """Of a sample, its time and its label."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        return self.weight * x * torch.cos(time).view(-1, 1, 1, 1) + labels.view(-1, 1, 1, 1)


@pytest.fixture(autouse=True)
def nothing_agreed() -> Iterator[None]:
    trust.forget()
    yield
    trust.forget()


def torchscript(folder: Path, batch: int = 1) -> Path:
    inputs = (torch.zeros(batch, 1, 4, 4), torch.ones(batch, dtype=torch.int64), torch.ones(batch, dtype=torch.int64))
    traced = torch.jit.trace(Network(), inputs)
    torch.jit.save(traced, folder / "network.pt")
    return folder / "network.pt"


def exported(folder: Path, batch: int = 1) -> Path:
    inputs = (torch.zeros(batch, 1, 4, 4), torch.ones(batch, dtype=torch.int64), torch.ones(batch, dtype=torch.int64))
    torch.export.save(torch.export.export(Network(), inputs), folder / "network.pt2")
    return folder / "network.pt2"


@pytest.mark.parametrize("write", [torchscript, exported])
@torch.no_grad()
def test_programs_say_what_they_said(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    file = write(tmp_path)
    write_json(tmp_path / "network.explorer.json", FACTS)
    facts = registry.inspect(file)
    assert (facts.shape, facts.T, facts.schedule, facts.prediction) == ((1, 4, 4), 100, "cosine", "v")
    assert (facts.class_names, facts.null_label) == (("0", "1"), 2)
    assert facts.program.startswith("a ")
    with pytest.raises(ModelError, match="needs your consent"):
        registry.load(file, "cpu")
    trust.agree(trust.digest(file))
    model, network = registry.load(file, "cpu"), Network()
    x_t = torch.randn(3, 1, 4, 4)
    for t in TIMES:
        for condition, labels in ((None, [2, 2, 2]), (torch.tensor([0, -1, 1]), [0, 2, 1])):
            expected = network(x_t, torch.full((3,), t - 1), torch.tensor(labels))
            torch.testing.assert_close(model.denoiser(x_t, t, condition).output, expected, atol=1e-5, rtol=0)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ModelError, match="consent"):
        registry.load(file, "cpu")  # another content, another question


@pytest.mark.parametrize("time_input", ["time", "fraction", "sigma", "quarter_log_sigma", "log_snr"])
@torch.no_grad()
def test_what_the_network_is_told(tmp_path: Path, time_input: str) -> None:
    marker = str(tmp_path / "marker")
    facts = {**FACTS, "time_input": time_input}
    (tmp_path / "adapter.py").write_text(ADAPTER.format(facts=facts, marker=marker), encoding="utf-8")
    trust.agree_to_all()
    model = registry.load(tmp_path, "cpu")
    schedule, x_t = model.denoiser.schedule, torch.randn(2, 1, 4, 4)
    for t in TIMES:
        sigma = torch.tensor(schedule.noise(t) / schedule.signal(t))
        told = {
            "time": torch.tensor(float(t)),
            "fraction": torch.tensor(t / 100),
            "sigma": sigma,
            "quarter_log_sigma": 0.25 * sigma.log(),
            "log_snr": -2 * sigma.log(),
        }[time_input]
        expected = x_t * torch.cos(told) + 2
        torch.testing.assert_close(model.denoiser(x_t, t).output, expected, atol=2e-4, rtol=0)


def test_an_adapter_runs_only_with_consent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, folder = tmp_path / "marker", tmp_path / "mine"
    folder.mkdir()
    (folder / "adapter.py").write_text(ADAPTER.format(facts=FACTS, marker=str(marker)), encoding="utf-8")
    arguments = ["sample", str(folder), "--steps", "2", "--out", str(tmp_path / "out.npz")]
    assert registry.inspect(folder).shape == (1, 4, 4)
    assert main(arguments) == 2
    assert "--trust-adapter" in capsys.readouterr().err
    assert not marker.exists()
    assert main([*arguments, "--trust-adapter"]) == 0
    assert marker.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("FACTS = {'shape': [4, 4]}", "shape must be"),
        ("FACTS = open('x')", "FACTS of plain values"),
        ("def load(:", "FACTS of plain values"),
        ("FACTS = {'shape': [1, 4, 4], 'prediction': 'magic'}", "prediction must be one of"),
        ("FACTS = {'shape': [1, 4, 4], 'time_input': 'clock'}", "time_input must be one of"),
    ],
)
def test_adapters_that_say_too_little(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "adapter.py").write_text(source, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        registry.inspect(tmp_path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def load(folder): raise KeyError('gone')", "could not be opened: KeyError"),
        ("def load(folder): return 3", "must return a torch.nn.Module, not int"),
        ("import torch\ndef load(folder): return torch.nn.Flatten()", "adapter.py fails at t = 5"),
    ],
)
def test_adapters_that_fail(tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / "adapter.py").write_text(f"FACTS = {{'shape': [1, 4, 4]}}\n{body}\n", encoding="utf-8")
    trust.agree_to_all()
    with pytest.raises(ModelError, match=message):
        registry.load(tmp_path, "cpu").denoiser(torch.zeros(1, 1, 4, 4), 5)
