"""The MLP of tiny-diffusion, with its parameter names: a point's coordinates and the time, each embedded, go through
residual layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

INPUT_SCALE = 25.0
"""What coordinates are multiplied with, so that sines tell near ones apart; times are whole numbers already."""


@dataclass(frozen=True)
class TinyConfig:
    """size: of each of the three embeddings. learned: whether those of time and points are, being sines otherwise.
    stored: whether the file holds the frequencies of the sines, as it does since 2023."""

    hidden: int
    layers: int
    size: int
    learned: tuple[bool, bool] = (False, False)
    stored: bool = True


class Sines(nn.Module):
    """Sines, then cosines, of numbers (n,) at fixed frequencies: (n, size)."""

    emb: Tensor

    def __init__(self, size: int, scale: float, stored: bool) -> None:
        super().__init__()
        self.size, self.scale = size, scale
        self.register_buffer("emb", torch.zeros(size // 2), persistent=stored)

    def forward(self, x: Tensor) -> Tensor:
        angles = (x * self.scale).unsqueeze(-1) * self.emb
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class Learned(nn.Module):
    """A linear map of numbers (n,): (n, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(1, size)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x.unsqueeze(-1) / self.size)
        return result


class Embedding(nn.Module):
    """Either of the two, behind the name that the files give both."""

    def __init__(self, config: TinyConfig, learned: bool, scale: float) -> None:
        super().__init__()
        self.layer: nn.Module = Learned(config.size) if learned else Sines(config.size, scale, config.stored)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(x)
        return result


class Hidden(nn.Module):
    """A residual layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.ff = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        return x + nn.functional.gelu(self.ff(x))


class TinyMLP(nn.Module):
    """(x (n, 2), time (n,)) → (n, 2)."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        time, points = config.learned
        self.time_mlp = Embedding(config, time, 1.0)
        self.input_mlp1 = Embedding(config, points, INPUT_SCALE)
        self.input_mlp2 = Embedding(config, points, INPUT_SCALE)
        hidden = [Hidden(config.hidden) for _ in range(config.layers)]
        first, last = nn.Linear(3 * config.size, config.hidden), nn.Linear(config.hidden, 2)
        self.joint_mlp = nn.Sequential(first, nn.GELU(), *hidden, last)

    def make_frequencies(self, device: torch.device) -> None:
        """Of sines whose frequencies are in no file: from 1 down to 1/10,000."""
        for module in self.modules():
            if isinstance(module, Sines):
                steps = torch.arange(module.size // 2, device=device)
                module.emb = torch.exp(-math.log(10_000) / (module.size // 2 - 1) * steps)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        embedded = (self.input_mlp1(x[:, 0]), self.input_mlp2(x[:, 1]), self.time_mlp(time))
        result: Tensor = self.joint_mlp(torch.cat(embedded, dim=-1))
        return result
