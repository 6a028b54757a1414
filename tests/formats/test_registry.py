"""What opens what, and that looking at a model costs nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.facts import ModelError
from explorer.formats import registry

LOOK = """
import sys
from explorer.formats import registry
facts = registry.inspect(sys.argv[1])
heavy = {"torch", "diffusers", "numpy", "PIL", "safetensors", "PySide6"} & set(sys.modules)
assert not heavy, heavy
assert facts.T == int(sys.argv[2])
"""


@pytest.mark.parametrize(
    "file",
    [
        ".",
        "model_index.json",
        "unet",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
        "explorer.json",
    ],
)
def test_a_file_in_a_model_opens_the_model(write_unet: Callable[..., Path], file: str) -> None:
    folder = write_unet(card={"title": "The model"})
    assert registry.inspect(folder / file).title == "The model"
    assert registry.inspect(str(folder / file)).path == str(folder)


def test_a_folder_of_models_names_some_of_them(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    with pytest.raises(ModelError, match=rf"holds folders that are, such as {folder.name}: open one of these"):
        registry.inspect(folder.parent)


def test_a_relative_path(write_unet: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_unet() / "unet")
    assert registry.inspect(".").title == "model"


def test_own_files_open_their_folder(write_points: Callable[..., Path]) -> None:
    folder = write_points(title="Points")
    for file in (".", "config.json", "model.safetensors"):
        assert registry.inspect(folder / file).title == "Points"


def test_inspecting_imports_nothing_heavy(write_unet: Callable[..., Path], write_points: Callable[..., Path]) -> None:
    for folder, T in ((write_unet(), 100), (write_points(), 50)):
        subprocess.run([sys.executable, "-W", "error", "-c", LOOK, folder, str(T)], check=True, timeout=120)


def test_loading_imports_only_what_the_file_asks_for(write_points: Callable[..., Path]) -> None:
    code = """
import sys
from explorer.formats import registry
registry.load(sys.argv[1], "cpu")
assert "torch" in sys.modules and "diffusers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, write_points()], check=True, timeout=120)


def test_facts_can_be_pickled(write_unet: Callable[..., Path]) -> None:
    import pickle

    facts = registry.inspect(write_unet())
    assert pickle.loads(pickle.dumps(facts)) == facts  # noqa: S301
