"""What the libraries that wrote a format say of small networks, kept so that every test can compare with it.

A reference is `references/NAME.npz`, written by `write_references.py` with the real library: the names and shapes of a
network's parameters, x and times, and what the library returned for them. The weights are not kept: they follow from
the names, here and there alike.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FOLDER = Path(__file__).parent / "references"
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Reference:
    """shapes: of the parameters by name. arrays: x (n, C, H, W), outputs (times, n, …), and what else was kept.
    values: plain values, among them the times as the library counts them."""

    shapes: dict[str, list[int]]
    arrays: dict[str, NDArray[np.float32]]
    values: dict[str, Any]

    @property
    def state(self) -> dict[str, Tensor]:
        return weights(self.shapes)

    def tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self.arrays[name])


def weights(shapes: Mapping[str, Any]) -> dict[str, Tensor]:
    """Parameters that depend on their names and shapes alone, of the size that training gives them."""
    state = {}
    for name, shape in shapes.items():
        numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(shape))
        scale = 1 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 0.5
        state[name] = torch.from_numpy(np.asarray(numbers * scale, np.float32))
    return state


def read_reference(name: str) -> Reference:
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files if key != "description"}
        description = json.loads(str(file["description"]))
    return Reference(description["shapes"], arrays, description["values"])


def write_reference(name: str, shapes: Mapping[str, Any], arrays: Mapping[str, Any], **values: Any) -> None:
    description = json.dumps({"shapes": {key: list(shape) for key, shape in shapes.items()}, "values": values})
    FOLDER.mkdir(exist_ok=True)
    kept: dict[str, Any] = {key: np.asarray(array, np.float32) for key, array in arrays.items()}
    np.savez_compressed(FOLDER / f"{name}.npz", description=np.array(description), **kept)


def assert_close(found: Tensor, expected: Tensor) -> None:
    """To 1e-5, relative to the largest number."""
    assert found.shape == expected.shape
    assert bool(torch.isfinite(expected).all())
    difference = float((found - expected).abs().max())
    assert difference <= TOLERANCE * max(1.0, float(expected.abs().max())), difference
