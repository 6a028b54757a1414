"""Exceptions as sentences, and the choice of a device."""

from __future__ import annotations

import pytest
import torch

from explorer.engine import device
from explorer.engine.errors import sentence
from explorer.facts import ModelError


def test_what_the_program_says_itself_is_passed_on() -> None:
    assert sentence(ModelError("The file is empty.")) == "The file is empty."
    assert sentence(ValueError("t = 5 is out of range")) == "t = 5 is out of range."
    assert sentence(ModelError("label 99 is out of range")) == "Label 99 is out of range."
    assert sentence(ModelError("unet/model.bin is damaged")) == "unet/model.bin is damaged."
    assert sentence(ModelError("model.pt is damaged")) == "model.pt is damaged."


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried …")])
def test_out_of_memory(error: Exception) -> None:
    assert "ran out of memory" in sentence(error)


def test_out_of_memory_on_the_cpu() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert "ran out of memory" in sentence(caught.value)


@pytest.mark.parametrize("error", [KeyError("weights"), RuntimeError("first line\nsecond line"), RuntimeError()])
def test_anything_else_asks_for_a_report_in_one_line(error: Exception) -> None:
    text = sentence(error)
    assert text.startswith("Unexpected error, please report it")
    assert type(error).__name__ in text
    assert "\n" not in text
    assert "second line" not in text


def test_cpu_and_auto_are_always_there() -> None:
    assert device.choose("cpu") == torch.device("cpu")
    assert device.available()[0] == "auto"
    assert device.available()[-1] == "cpu"
    assert str(device.choose("auto")) in device.available()


@pytest.mark.parametrize("name", ["banana", "", "cuda:x", "cpu cpu"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(ModelError, match=r"^There is no device called “.*”; known are auto, .*cpu\.$"):
        device.choose(name)


def test_devices_that_are_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.choose("auto") == torch.device("cpu")
    for name in "cuda", "cuda:0", "mps", "xpu":
        with pytest.raises(ModelError, match=r"is not available here; there are auto, cpu\.$"):
            device.choose(name)


def test_one_gpu_is_not_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device.choose("auto") == torch.device("cuda", 0)
    assert device.choose("cuda").type == "cuda"
    assert device.choose("cuda:0") == torch.device("cuda", 0)
    with pytest.raises(ModelError, match="not available"):
        device.choose("cuda:7")


def test_memory_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_installed_memory", lambda: 4_000)
    device.check_memory(1_000)
    with pytest.raises(ModelError, match="take fewer samples or steps"):
        device.check_memory(1_001)
    monkeypatch.setattr(device, "_installed_memory", lambda: 0)  # the system does not say
    device.check_memory(10**18)
