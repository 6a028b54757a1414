"""Labelled picture sets shipped under `resources/data`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.paths import RESOURCES

DIGIT_NAMES = tuple("0123456789")
FACE_NAMES = ("hat", "beard", "glasses", "long hair", "short hair")


@dataclass(frozen=True, eq=False)
class PictureSet:
    """images: uint8 (n, height, width, channels); labels: int64 (n,), indices into class_names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def tensor(self) -> Tensor:
        """The pictures as float32 (n, channels, height, width) in [−1, 1]."""
        return torch.from_numpy(self.images).permute(0, 3, 1, 2).float() / 127.5 - 1


def digits(split: str = "train") -> PictureSet:
    """MNIST (LeCun, Cortes, Burges): 28×28 grey; split is "train" (60,000) or "test" (10,000)."""
    suffix = {"train": "", "test": "t"}[split]
    with np.load(RESOURCES / "data" / "mnist.npz") as data:
        return PictureSet(data["X" + suffix][..., None], data["Y" + suffix].astype(np.int64), DIGIT_NAMES)


def faces(split: str = "train") -> PictureSet:
    """DiceBear pixel-art faces: 16×16 RGB; split is "train" (the first 19,000) or "test" (1,000)."""
    part = {"train": slice(0, 19_000), "test": slice(19_000, None)}[split]
    with np.load(RESOURCES / "data" / "pixelart16.npz") as data:
        return PictureSet(data["X"][part], data["Y"][part].astype(np.int64), FACE_NAMES)
