"""Small batches on the CPU: a network's operations recorded once and replayed without Python in between.

For one small picture, half of a U-Net's time is spent in Python. A TorchScript trace removes that. It is taken
only where it gives the network's own numbers bit for bit, so that nothing a user sees depends on whether it is
there; where tracing is not possible, the network is called as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Recorded: TypeAlias = Callable[..., Tensor]

MAX_BATCH = 8
"""Beyond that the arithmetic outweighs Python by far."""
MAX_PARAMETERS = 50_000_000


class _First(nn.Module):
    """A diffusers network with its output as a tensor, which is all that can be traced."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        output: Tensor = self.network(*inputs, return_dict=False)[0]
        return output


def worth_recording(x_t: Tensor, network: nn.Module) -> bool:
    """True where Python is a large part of a call. A recording holds weights of its own, which must not be many."""
    if x_t.device.type != "cpu" or len(x_t) > MAX_BATCH:
        return False
    return sum(parameter.numel() for parameter in network.parameters()) <= MAX_PARAMETERS


def record(network: nn.Module, inputs: tuple[Tensor, ...]) -> Recorded | None:
    """The network for inputs of these shapes, None where a recording is impossible or not exact.

    inputs: x_t (n, C, H, W), the timestep (1,), and labels (n,) for a network that takes them.
    """
    plain = _First(network).eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # deprecated, with no successor that starts in less than half a minute
            jit: Any = torch.jit  # without types
            traced = jit.freeze(jit.trace(plain, inputs, check_trace=False))
    except (RuntimeError, TypeError, ValueError):
        return None
    x, timestep, *labels = inputs
    with torch.no_grad():
        # The first calls of a trace still optimise it: compare after them, at other numbers than were recorded.
        for t in (2, 700, 350):
            other = (torch.randn_like(x), torch.full_like(timestep, t), *(torch.zeros_like(y) for y in labels))
            if not torch.equal(traced(*other), plain(*other)):
                return None
    result: Recorded = traced
    return result
