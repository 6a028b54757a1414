"""The known data that a probe adds noise to, on a scale of 0 … 1, whatever the model's value range may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.picture_file import read_picture
from explorer.formats.model import Model

SYNTHETIC = 64
LEAST_VARIANCE = 1e-4
"""Of a pixel, where pictures go from 0 to 1: pixels that are always black would otherwise count for everything."""


@dataclass(frozen=True, eq=False)
class Known:
    """pictures: (n, *shape), 0 … 1. mean, variance: of each number, over more pictures than these. title: what they
    are."""

    pictures: Tensor
    mean: Tensor
    variance: Tensor
    title: str

    def take(self, first: int, n: int) -> Tensor:
        """n of them, beginning anew at the end."""
        return self.pictures[[(first + i) % len(self.pictures) for i in range(n)]]


def known_pictures(model: Model, picture: str | None, seed: int) -> Known:
    """The picture of a file; else the model's samples in an order of their own; else structured patterns.

    Raises ModelError for a file that is no picture.
    """
    low, high = model.facts.value_range
    generator = torch.Generator().manual_seed(seed)
    if picture is not None:
        one = (torch.from_numpy(read_picture(picture, model.facts.shape, model.facts.value_range))[None] - low) / (
            high - low
        )
        every = torch.cat([one, _patterns(model.facts.shape, generator)])
        return _known(model, one, every, "the picture given")
    if len(model.samples):
        samples = (torch.from_numpy(np.asarray(model.samples)) - low) / (high - low)
        order = torch.randperm(len(samples), generator=generator)
        return _known(model, samples[order], samples, f"{len(samples):,} samples of the model")
    patterns = _patterns(model.facts.shape, generator)
    return _known(model, patterns, patterns, "made-up patterns, since the model has no samples")


def _known(model: Model, pictures: Tensor, every: Tensor, title: str) -> Known:
    pictures, every = pictures.to(model.device), every.to(model.device)
    return Known(pictures, every.mean(0), every.var(0).clamp_min(LEAST_VARIANCE), title)


def _patterns(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Discs and bars with soft edges on slopes of brightness: (SYNTHETIC, *shape)."""
    if len(shape) != 3:
        return torch.rand(SYNTHETIC, *shape, generator=generator)
    channels, height, width = shape
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)
    made = []
    for _ in range(SYNTHETIC):
        u = torch.rand(8 + 2 * channels, generator=generator).tolist()
        angle = 2 * math.pi * u[0]
        slope = 0.5 + 0.3 * u[1] * (math.cos(angle) * x + math.sin(angle) * y)
        disc = torch.sigmoid(12 * (0.2 + 0.5 * u[2] - torch.hypot(x - u[3] + 0.5, y - u[4] + 0.5)))
        across = math.cos(math.pi * u[5]) * x + math.sin(math.pi * u[5]) * y
        bar = torch.sigmoid(14 * (0.05 + 0.2 * u[6] - (across - u[7] + 0.5).abs()))
        layers = [
            (slope * (1 - disc) + u[8 + c] * disc) * (1 - bar) + u[8 + channels + c] * bar for c in range(channels)
        ]
        made.append(torch.stack(layers))
    return torch.stack(made).clamp(0, 1)
