"""What the writers of references have in common: weights, noise, times, and sources that are not all there."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from tests.formats.reference import weights, write_reference

SIGMAS = (0.002, 0.1, 0.5, 7.0, 80.0)
TIMES = (0, 1, 37, 500, 999)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def fill(network: nn.Module) -> dict[str, Any]:
    """Give the network its weights. Returns the shapes of its parameters."""
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict(weights(shapes))
    network.eval()
    return shapes


@torch.no_grad()
def write(name: str, network: nn.Module, call: Callable[[Tensor, int], Tensor], x: Tensor, **values: Any) -> None:
    shapes = fill(network)
    outputs = torch.stack([call(x, t) for t in TIMES])
    write_reference(name, shapes, {"x": x, "outputs": outputs}, times=TIMES, **values)


def config(**sections: dict[str, Any]) -> types.SimpleNamespace:
    """The configuration that a program of ermongroup or yang-song passes around."""
    return types.SimpleNamespace(**{key: types.SimpleNamespace(**values) for key, values in sections.items()})


def mocked(*modules: str) -> None:
    """Let a source import what only its training or its pictures need."""
    sys.modules |= {module: MagicMock() for module in modules}
