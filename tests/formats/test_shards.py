"""Weights in several files: read as one, with progress, in little memory; an index that points elsewhere is refused."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.reading import watched
from explorer.formats.tensors import load_weights
from tests.formats.conftest import UNET

STEM = "diffusion_pytorch_model"
MEGABYTE = 1 << 20


def library_network() -> Any:
    from diffusers.models.unets.unet_2d import UNet2DModel

    torch.manual_seed(3)
    return UNet2DModel(**UNET).eval()


@pytest.fixture
def write_sharded(write_unet: Callable[..., Path]) -> Callable[..., Path]:
    """A model as the library writes it in several files; returns its folder."""

    def write(kind: str, variant: str | None = None) -> Path:
        folder = write_unet()
        network = library_network()
        shutil.rmtree(folder / "unet")
        options = {"max_shard_size": "20KB", "safe_serialization": kind == "safetensors", "variant": variant}
        network.save_pretrained(str(folder / "unet"), **options)
        return folder

    return write


@torch.no_grad()
@pytest.mark.parametrize(("kind", "variant"), [("safetensors", None), ("bin", None), ("safetensors", "fp16")])
def test_the_same_as_the_library(write_sharded: Callable[..., Path], kind: str, variant: str | None) -> None:
    folder, theirs = write_sharded(kind, variant), library_network()
    files = sorted(file.name for file in (folder / "unet").iterdir() if "-of-" in file.name)
    assert len(files) > 2
    told: list[tuple[str, float]] = []
    with watched(lambda label, fraction: told.append((label, fraction))):
        model = registry.load(folder, "cpu")
    said = {fact.name: fact.value for fact in model.facts.evidence}["weights"]
    assert said.startswith(f"{len(files)} files, ")
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for t in (1, 2, 37, 80, 100):
        expected = theirs(x, t - 1).sample
        torch.testing.assert_close(model.denoiser(x, t).output, expected, atol=1e-5, rtol=0)
    # One measure of progress over all the files.
    fractions = [fraction for _, fraction in told]
    assert len({label for label, _ in told}) == 1
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def index_of(folder: Path) -> Path:
    return folder / "unet" / f"{STEM}.safetensors.index.json"


@pytest.mark.parametrize(
    "elsewhere", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "C:\\x.safetensors", "", 3, None]
)
def test_an_index_that_points_elsewhere(write_sharded: Callable[..., Path], elsewhere: Any) -> None:
    folder = write_sharded("safetensors")
    save_file({"conv_in.bias": torch.zeros(8)}, folder / "secret.safetensors")
    values = json.loads(index_of(folder).read_text())
    values["weight_map"]["conv_in.bias"] = elsewhere
    index_of(folder).write_text(json.dumps(values))
    with pytest.raises(ModelError, match="only files beside it are read"):
        registry.inspect(folder)


@pytest.mark.parametrize("content", ["{}", "[]", '{"weight_map": {}}', '{"weight_map": ["a"]}', "{"])
def test_an_index_that_is_none(write_sharded: Callable[..., Path], content: str) -> None:
    folder = write_sharded("safetensors")
    index_of(folder).write_text(content)
    with pytest.raises(ModelError, match=r"index\.json"):
        registry.inspect(folder)


def test_files_that_are_not_there_or_not_whole(write_sharded: Callable[..., Path]) -> None:
    folder = write_sharded("safetensors")
    first, second, *_ = sorted(folder.glob("unet/*-of-*"))
    first.write_bytes(first.read_bytes()[:-4])
    with pytest.raises(ModelError, match=f"unet/{first.name} is damaged"):
        registry.load(folder, "cpu")
    shutil.copy(second, first)
    with pytest.raises(ModelError, match=f"{first.name} does not hold"):
        registry.load(folder, "cpu")
    first.unlink()
    with pytest.raises(ModelError, match=f"{first.name}, which .* names, is missing"):
        registry.inspect(folder)


def test_many_files(write_sharded: Callable[..., Path]) -> None:
    folder = write_sharded("safetensors")
    index_of(folder).write_text(json.dumps({"weight_map": {f"t{i}": f"x{i}.safetensors" for i in range(300)}}))
    with pytest.raises(ModelError, match="300 files"):
        registry.inspect(folder)


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(1024, 1024, bias=False) for _ in range(24))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", ["safetensors", "bin", "one bin"])
def test_the_peak_of_memory(tmp_path: Path, kind: str) -> None:
    """At most 1.3 times the weights."""
    state = Wide().state_dict()
    names, size = list(state), sum(tensor.nbytes for tensor in state.values())
    ending = kind.removeprefix("one ")
    groups = [names] if kind == "one bin" else [names[i::3] for i in range(3)]
    table = dict[str, str]()
    for i, group in enumerate(groups):
        file = tmp_path / (f"{STEM}.bin" if kind == "one bin" else f"{STEM}-{i + 1:05}-of-00003.{ending}")
        part = {name: state[name].clone() for name in group}
        if ending == "bin":
            torch.save(part, file)
        else:
            save_file(part, file)
        table |= dict.fromkeys(group, file.name)
    place = tmp_path / (f"{STEM}.bin" if kind == "one bin" else f"{STEM}.{ending}.index.json")
    if kind != "one bin":
        place.write_text(json.dumps({"weight_map": table}))
    expected = {name: float(tensor.sum()) for name, tensor in state.items()}
    del state, part
    with torch.device("meta"):
        module = Wide()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    load_weights(module, place, place.name, torch.device("cpu"))
    peak = memory("VmHWM") - before
    assert peak <= 1.3 * size, f"{peak / MEGABYTE:.0f} MB for weights of {size / MEGABYTE:.0f} MB"
    for name, tensor in module.state_dict().items():
        assert math.isclose(float(tensor.sum()), expected[name], rel_tol=1e-5, abs_tol=1e-3)


def memory(line: str) -> int:
    """A number of /proc/self/status, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(next(text for text in status.splitlines() if text.startswith(line)).split()[1]) * 1024
