"""Reading a model: how far it has come, and that it can be stopped."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import pytest
import torch
from torch import nn

from explorer.engine.frame import Frame, Progress
from explorer.engine.opening import in_background
from explorer.formats.tensors import load_weights


def network() -> nn.Module:
    return nn.Sequential(*(nn.Linear(4, 4) for _ in range(100)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    from safetensors.torch import save_file

    save_file(network().state_dict(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def load(file: Path) -> nn.Module:
    with torch.device("meta"):
        module = network()
    load_weights(module, file, file.name, torch.device("cpu"))
    return module


def test_progress_is_told_and_the_model_comes_in_the_end(file: Path) -> None:
    reading = in_background(lambda: load(file))
    frames: list[Frame] = []
    with pytest.raises(StopIteration) as end:  # noqa: PT012
        while True:
            frames.append(next(reading))
    assert isinstance(end.value.value, nn.Module)
    fractions = [frame.fraction for frame in frames if isinstance(frame, Progress)]
    assert len(fractions) > 20
    assert fractions == sorted(fractions, key=lambda value: value or 0)
    assert fractions[-1] == pytest.approx(1, abs=0.03)
    assert frames[0] == Progress("Reading model.safetensors…", fractions[0])


def test_reading_stops_where_nobody_waits_any_more(file: Path) -> None:
    finished: list[nn.Module] = []
    half_read: list[weakref.ref[nn.Module]] = []
    gate = threading.Event()

    def read() -> None:
        from explorer.formats.reading import tell

        half = network()
        half_read.append(weakref.ref(half))
        for i in range(1000):
            tell("weights", i / 1000)
            if i == 30:
                gate.wait(5)
        finished.append(network())

    reading = in_background(read)
    next(reading)
    closer = threading.Thread(target=reading.close)
    closer.start()
    gate.set()
    closer.join(5)
    assert not closer.is_alive()
    assert not finished
    assert half_read[0]() is None  # its memory is free at once


def test_what_goes_wrong_is_raised(tmp_path: Path) -> None:
    def read() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        list(in_background(read))
