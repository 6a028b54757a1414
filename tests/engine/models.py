"""Tiny models on disk: pictures of 8 × 8 with labels, written by diffusers, and points whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = 3
SHAPE = (1, 8, 8)
PICTURES = 6
T_PICTURES = 50
T_POINTS = 60
POINTS = 200

TRUTH = {
    "weights": [0.6, 0.4],
    "means": [[-1.0, 0.2], [1.0, -0.5]],
    "covariances": [[[0.1, 0.02], [0.02, 0.1]], [[0.2, 0.0], [0.0, 0.05]]],
}


def sheet_pictures() -> NDArray[np.uint8]:
    """The sample pictures, uint8 (n, height, width, channels), no two alike."""
    return np.random.default_rng(5).integers(0, 256, (PICTURES, *SHAPE[1:], 1)).astype(np.uint8)


def write_pictures(folder: Path, prediction: str = "epsilon", classes: int = CLASSES) -> Path:
    """A class-conditional diffusers folder with a null label, its card and a sheet of samples; classes 0: no labels."""
    import torch
    from diffusers.models.unets.unet_2d import UNet2DModel

    from explorer.training.card import write_card, write_samples

    torch.manual_seed(1)
    network = UNet2DModel(
        sample_size=SHAPE[1],
        in_channels=SHAPE[0],
        out_channels=SHAPE[0],
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        num_class_embeds=classes + 1 if classes else None,
    )
    if network.class_embedding is not None:  # labels that can be told from each other
        torch.nn.init.normal_(network.class_embedding.weight, std=3.0)
    network.save_pretrained(folder / "unet")
    (folder / "scheduler").mkdir()
    scheduler = {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": T_PICTURES,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": prediction,
        "timestep_spacing": "leading",
        "clip_sample": True,
    }
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    samples = write_samples(folder, sheet_pictures(), columns=4)
    card: dict[str, Any] = {"title": "Tiny", "samples": samples}
    if classes:
        samples["labels"] = [i % classes for i in range(PICTURES)]
        card |= {"class_names": [f"class {k}" for k in range(classes)], "null_label": classes}
    write_card(folder, card)
    return folder


def write_points(folder: Path, network: str = "exact") -> Path:
    """A folder of ours: the truth itself ("exact"), or a network of random weights ("mlp")."""
    folder.mkdir(exist_ok=True)
    sizes = {"hidden": 8, "layers": 2, "classes": 2} if network == "mlp" else {}
    configuration = {
        "format": "diffusion-explorer",
        "network": network,
        "network_config": sizes,
        "schedule": {"name": "cosine", "T": T_POINTS},
        "prediction": "v" if network == "mlp" else "score",
        "kind": "points",
        "shape": [2],
        "truth": TRUTH,
        "samples": {"count": POINTS, "seed": 3},
        "class_names": ["left", "right"],
    }
    write_json(folder / "config.json", configuration)
    if network == "mlp":
        import torch
        from safetensors.torch import save_file

        from explorer.networks.mlp import MLP, MLPConfig

        torch.manual_seed(0)
        save_file(MLP(MLPConfig(**sizes)).state_dict(), folder / "model.safetensors")
    return folder


def change_weights(folder: Path, factor: float) -> None:
    """Multiply all weights; by 1e20, a network's outputs are beyond float32, though its weights are not."""
    from safetensors.torch import load_file, save_file

    file = next(folder.rglob("*.safetensors"))
    save_file({name: tensor * factor for name, tensor in load_file(file).items()}, file)


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
