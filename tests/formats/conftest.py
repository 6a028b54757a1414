"""Tiny models on disk, the diffusers ones written by diffusers itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

UNET: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 3,
    "out_channels": 3,
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}

TRUTH = {
    "weights": [0.5, 0.5],
    "means": [[-1.0, 0.0], [1.0, 0.5]],
    "covariances": [[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.05], [0.05, 0.1]]],
}

WriteUNet = Callable[..., Path]
WritePoints = Callable[..., Path]


@pytest.fixture(scope="session")
def written_unets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Path]:
    """Writes a UNet of given arguments once a session; returns its folder, which is not to be changed."""
    written: dict[str, Path] = {}

    def write(arguments: dict[str, Any]) -> Path:
        import torch
        from diffusers.models.unets.unet_2d import UNet2DModel

        key = json.dumps(arguments, sort_keys=True)
        if key not in written:
            torch.manual_seed(0)
            written[key] = tmp_path_factory.mktemp("unet")
            UNet2DModel(**arguments).save_pretrained(written[key])
        return written[key]

    return write


@pytest.fixture
def write_unet(tmp_path: Path, written_unets: Callable[[dict[str, Any]], Path]) -> WriteUNet:
    """write_unet(scheduler={…}, card={…}, name="model", **UNet arguments) → a new diffusers folder."""

    def write(
        scheduler: dict[str, Any] | None = None, card: dict[str, Any] | None = None, name: str = "model", **unet: Any
    ) -> Path:
        import shutil

        folder = tmp_path / name
        shutil.copytree(written_unets({**UNET, **unet}), folder / "unet")
        (folder / "scheduler").mkdir()
        configuration = {"_class_name": "DDPMScheduler", "num_train_timesteps": 100, **(scheduler or {})}
        write_json(folder / "scheduler" / "scheduler_config.json", configuration)
        index = {
            "_class_name": "DDPMPipeline",
            "unet": ["diffusers", "UNet2DModel"],
            "scheduler": ["diffusers", configuration["_class_name"]],
        }
        write_json(folder / "model_index.json", index)
        if card is not None:
            write_json(folder / "explorer.json", card)
        return folder

    return write


@pytest.fixture
def write_points(tmp_path: Path) -> WritePoints:
    """write_points(network="mlp", **further entries of config.json) → a new folder of ours."""

    def write(network: str = "mlp", **entries: Any) -> Path:
        folder = tmp_path / "points"
        folder.mkdir()
        configuration: dict[str, Any] = {
            "format": "diffusion-explorer",
            "network": network,
            "network_config": {"hidden": 8, "layers": 2, "classes": 2} if network == "mlp" else {},
            "schedule": {"name": "cosine", "T": 50},
            "prediction": "v",
            "kind": "points",
            "shape": [2],
            "truth": TRUTH,
            **entries,
        }
        write_json(folder / "config.json", configuration)
        if network == "mlp":
            import torch
            from safetensors.torch import save_file

            from explorer.networks.mlp import MLP, MLPConfig

            torch.manual_seed(0)
            save_file(MLP(MLPConfig(hidden=8, layers=2, classes=2)).state_dict(), folder / "model.safetensors")
        return folder

    return write


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


def change_json(path: Path, **values: Any) -> None:
    """Set entries of a JSON object in a file."""
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **values})


@pytest.fixture(name="change_json")
def change_json_fixture() -> Callable[..., None]:
    return change_json
