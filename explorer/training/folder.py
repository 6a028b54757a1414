"""Our own networks on disk: `config.json` and `model.safetensors`, so that opening one needs nothing but torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from explorer.networks import NETWORKS
from explorer.networks.classifier import Classifier
from explorer.paths import CHECKPOINTS

DIGITS_CLASSIFIER = CHECKPOINTS / "digits-classifier"
"""What judges the digits that models make."""


def write_network(
    folder: Path,
    name: str,
    network: nn.Module,
    facts: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
    parts: Mapping[str, nn.Module] | None = None,
) -> None:
    """Write a network of `NETWORKS`, its weights as `dtype`, with what else is to be known of it.

    parts: further modules by name, small ones, whose weights stay float32, as "name.weight" in the same file.
    """
    sizes: Any = network.config  # a frozen dataclass, the first of the pair in NETWORKS
    config = {"format": "diffusion-explorer", "network": name, "network_config": asdict(sizes), **facts}
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    tensors = {key: value.to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
    for part, module in (parts or {}).items():
        tensors |= {f"{part}.{key}": value.to("cpu").contiguous() for key, value in module.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


def read_classifier(folder: Path, device: torch.device | str = "cpu") -> Classifier:
    """The classifier that `write_network` wrote, in float32. Raises ValueError where it is another network."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["network"] != "classifier":
        raise ValueError(f"{folder} holds a network of the kind {config['network']!r}, not a classifier")
    config_type, _ = NETWORKS["classifier"]
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in config["network_config"].items()
    }
    classifier = Classifier(config_type(**values))
    classifier.load_state_dict(load_file(folder / "model.safetensors"))
    return classifier.to(device).eval()
