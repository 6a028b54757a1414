"""Class-conditional picture models, saved as plain diffusers directories (UNet2DModel + DDPMScheduler)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.datasets.pictures import PictureSet
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import cosine
from explorer.formats.scheduler_config import PREDICTION_TYPES
from explorer.training.card import recipe_entry, write_card, write_shown
from explorer.training.loop import LoopConfig, train
from explorer.training.objective import noised, some_unlabelled, stratified_times, target


@dataclass(frozen=True)
class ImageConfig:
    """Network and objective of a picture model. The class index after the last is the null label."""

    block_out_channels: tuple[int, ...]
    attention_levels: tuple[bool, ...]
    prediction_type: str
    loop: LoopConfig
    layers_per_block: int = 1
    T: int = 1000
    batch_size: int = 64
    label_dropout: float = 0.1
    clip_sample: bool = True
    """Whether samplers clip x̂₀ by default. DDIM keeps the network's ε̂ beside a clipped x̂₀, as diffusers does; with
    ε-prediction and guidance the two part so far near T that samples fall apart."""

    @property
    def kind(self) -> Kind:
        """What diffusers' name for the prediction type means."""
        return PREDICTION_TYPES[self.prediction_type]


def train_image_model(
    title: str,
    train_set: PictureSet,
    test_set: PictureSet,
    config: ImageConfig,
    out: Path,
    card: dict[str, Any],
    progress: Callable[[str], None] = print,
) -> None:
    """Train on `train_set`, write the diffusers directory, its card and test pictures into `out`."""
    from diffusers.models.unets.unet_2d import UNet2DModel

    torch.manual_seed(config.loop.seed)
    null = len(train_set.class_names)
    _, size, _, channels = train_set.images.shape
    network = UNet2DModel(
        sample_size=size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=config.block_out_channels,
        layers_per_block=config.layers_per_block,
        down_block_types=tuple("AttnDownBlock2D" if on else "DownBlock2D" for on in config.attention_levels),
        up_block_types=tuple("AttnUpBlock2D" if on else "UpBlock2D" for on in reversed(config.attention_levels)),
        norm_num_groups=8,
        resnet_time_scale_shift="scale_shift",
        num_class_embeds=null + 1,
    ).to(memory_format=torch.channels_last)
    schedule = cosine(config.T)
    pictures, labels = train_set.tensor(), torch.from_numpy(train_set.labels)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        index = torch.randint(len(pictures), (config.batch_size,), generator=generator)
        x_0, y = pictures[index], some_unlabelled(labels[index], null, config.label_dropout, generator)
        t = stratified_times(len(x_0), config.T, generator)
        x_t, eps, a, s = noised(schedule, x_0, t, generator)
        output = network(x_t.to(memory_format=torch.channels_last), t - 1, class_labels=y).sample
        loss: Tensor = (output - target(config.kind, x_0, eps, a, s)).square().mean()
        return loss

    out.mkdir(parents=True, exist_ok=True)
    average, report = train(network, loss_of, config.loop, out / "state.training.pt", progress)
    assert isinstance(average, UNet2DModel)
    average.to(memory_format=torch.contiguous_format).half().save_pretrained(out / "unet")
    _write_scheduler(out, config)
    write_card(
        out,
        {
            "title": title,
            **card,
            "class_names": list(train_set.class_names),
            "null_label": null,
            "value_range": [-1, 1],
            "samples": write_shown(out, test_set),
            "recipe": recipe_entry(config, report),
        },
    )


def _write_scheduler(out: Path, config: ImageConfig) -> None:
    """The scheduler as diffusers writes it; JSON alone, so that diffusers' schedulers need not be imported."""
    scheduler = {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": config.T,
        "beta_schedule": "squaredcos_cap_v2",
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "prediction_type": config.prediction_type,
        "variance_type": "fixed_small",
        "clip_sample": config.clip_sample,
        "clip_sample_range": 1.0,
        "timestep_spacing": "leading",
        "steps_offset": 0,
    }
    index = {
        "_class_name": "DDPMPipeline",
        "unet": ["diffusers", "UNet2DModel"],
        "scheduler": ["diffusers", "DDPMScheduler"],
    }
    (out / "scheduler").mkdir(exist_ok=True)
    (out / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler, indent=2) + "\n")
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
