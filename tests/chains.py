"""A tiny latent chain on disk: 8 × 8 pictures, random weights, with which everything but their beauty works as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (1, 8, 8)
LEVELS = (5, 4, 3)
PICTURES = 12


def write_chain(folder: Path, levels: tuple[int, ...] = LEVELS, pictures: int = PICTURES) -> Path:
    """The folder as the recipes write it. pictures: 0 for a model without samples."""
    import torch

    from explorer.networks.latent import LatentConfig, LatentNetwork
    from explorer.training.card import write_card, write_samples
    from explorer.training.folder import write_network

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(4)
    network = LatentNetwork(LatentConfig(SHAPE, levels, hidden=16, between=8))
    for parameter in network.parameters():  # levels that differ from each other, and pictures that do
        parameter.data.mul_(1.5)
    names = ["ring", "cross", "bar"]
    write_network(folder, "latent_chain", network, {"likelihood": "bernoulli", "class_names": names})
    card: dict[str, Any] = {"title": "Tiny chain", "summary": "Noise."}
    if pictures:
        data = np.random.default_rng(2).integers(0, 2, (pictures, *SHAPE[1:], 1)).astype(np.uint8) * 255
        samples = write_samples(folder, data, columns=4)
        card |= {"samples": {**samples, "labels": [i % 3 for i in range(pictures)]}}
    write_card(folder, card)
    return folder
