"""The known data that a probe adds noise to, on a scale of 0 … 1, whatever the model's value range may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explorer.datasets.picture_file import read_picture
from explorer.datasets.pictures import digits, faces
from explorer.facts import ModelError
from explorer.formats.model import Model

STAND_INS = 48
"""Pictures that are made or borrowed where the model has none."""
MANY = 8
"""From so many different pictures on, the network's own kind is known well enough for the finest questions."""
MOST_FILES = 200
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
LEAST_VARIANCE = 1e-4
"""Of a pixel, where pictures go from 0 to 1: pixels that are always black would otherwise count for everything."""


@dataclass(frozen=True, eq=False)
class Known:
    """pictures: (n, *shape), 0 … 1. mean, variance: of each number, over more pictures than these. title: what they
    are. own: whether they are of the kind that the network was trained on, as far as one can know."""

    pictures: Tensor
    mean: Tensor
    variance: Tensor
    title: str
    own: bool = True

    @property
    def many(self) -> bool:
        """Whether what one picture is like cannot decide anything."""
        return len(self.pictures) >= MANY

    def take(self, first: int, n: int) -> Tensor:
        """n of them, beginning anew at the end."""
        return self.pictures[[(first + i) % len(self.pictures) for i in range(n)]]


def known_pictures(model: Model, picture: str | None, seed: int) -> list[Known]:
    """The picture of a file, or those of a folder; else the model's samples in an order of their own.

    For a model without samples several kinds of pictures, of which the network is to say which it knows best.
    Raises ModelError for a file that is no picture and for a folder without any.
    """
    shape = model.facts.shape
    low, high = model.facts.value_range
    generator = torch.Generator().manual_seed(seed)
    if picture is not None:
        given = (_read(Path(picture), model) - low) / (high - low)
        given = given[torch.randperm(len(given), generator=generator)]
        if len(given) >= MANY:
            return [_known(model, given, given, f"{len(given):,} pictures given")]
        every = torch.cat([given, _patterns(shape, generator)])
        title = "the picture given" if len(given) == 1 else f"{len(given)} pictures given"
        return [_known(model, given, every, title)]
    if len(model.samples):
        samples = (torch.from_numpy(np.asarray(model.samples)) - low) / (high - low)
        order = torch.randperm(len(samples), generator=generator)
        return [_known(model, samples[order], samples, f"{len(samples):,} samples of the model")]
    patterns = _patterns(shape, generator)
    known = [_known(model, patterns, patterns, "made-up patterns, since the model has no samples", False)]
    if model.facts.kind == "image" and shape[0] in (1, 3):
        for borrow, what in ((digits, "digits"), (faces, "faces")):
            images = borrow("test").images
            chosen = images[torch.randperm(len(images), generator=generator)[:STAND_INS].numpy()]
            pictures = _fitted(torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255, shape)
            known.append(_known(model, pictures, pictures, f"{what}, since the model has no samples", False))
    return known


def _known(model: Model, pictures: Tensor, every: Tensor, title: str, own: bool = True) -> Known:
    pictures, every = pictures.to(model.device), every.to(model.device)
    return Known(pictures, every.mean(0), every.var(0).clamp_min(LEAST_VARIANCE), title, own)


def _read(path: Path, model: Model) -> Tensor:
    """(n, *shape) in the model's range."""
    shape, value_range = model.facts.shape, model.facts.value_range
    if not path.is_dir():
        return torch.from_numpy(read_picture(str(path), shape, value_range))[None]
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    except OSError as error:
        raise ModelError(f"The folder “{path.name}” cannot be read: {error.strerror or error}.") from None
    if not files:
        raise ModelError(f"There is no picture in the folder “{path.name}”.")
    return torch.stack([torch.from_numpy(read_picture(str(f), shape, value_range)) for f in files[:MOST_FILES]])


def _fitted(pictures: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Of the model's channels and size: (n, *shape)."""
    if shape[0] == 1:
        pictures = pictures.mean(1, keepdim=True)
    pictures = pictures.expand(-1, shape[0], -1, -1)
    if pictures.shape[2:] == shape[1:]:
        return pictures
    return interpolate(pictures, shape[1:], mode="bilinear", antialias=True).clamp(0, 1)


def _patterns(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Discs and bars with soft edges on slopes of brightness: (STAND_INS, *shape)."""
    if len(shape) != 3:
        return torch.rand(STAND_INS, *shape, generator=generator)
    channels, height, width = shape
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)
    made = []
    for _ in range(STAND_INS):
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
