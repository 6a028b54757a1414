"""A small network for points: what the 2-D models are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import Schedule
from explorer.networks.conditioning import label_features, level_at, level_frequencies, waves


@dataclass(frozen=True)
class MLPConfig:
    """Sizes of the network. layers: hidden layers of width `hidden`. classes: number of labels, 0 for none.

    point_frequencies: number of sines and cosines of x_t, along directions of its own, that the network is given
    beside x_t: without them thin curves close to one another are blurred (Tancik et al. 2020).
    """

    dim: int = 2
    hidden: int = 256
    layers: int = 4
    frequencies: int = 16
    classes: int = 0
    point_frequencies: int = 0


POINT_SCALE = 2.0
"""The standard deviation of the frequencies of x_t, in radians per unit."""


class MLP(nn.Module):
    """(x_t, ½ log SNR, label) → the predicted quantity, of x_t's shape.

    Time enters as sines and cosines of ½ log SNR(t) = log a/s rather than of t, which makes the network
    independent of T and spends its resolution evenly over noise levels (Kingma et al. 2021).
    It also scales every hidden layer: the borders between components sharpen as the noise falls, and scaling
    made the score's error a quarter smaller at small t than adding alone.
    The label with the number `classes` is the null label.
    """

    frequencies: Tensor
    directions: Tensor

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("frequencies", level_frequencies(config.frequencies))
        if config.point_frequencies:
            drawn = torch.randn(config.dim, config.point_frequencies, generator=torch.Generator().manual_seed(0))
            self.register_buffer("directions", POINT_SCALE * drawn)
        self.point = nn.Linear(config.dim + 2 * config.point_frequencies, config.hidden)
        self.time = nn.Linear(2 * config.frequencies, config.hidden)
        self.label = nn.Embedding(config.classes + 1, config.hidden)
        self.hidden = nn.ModuleList([nn.Linear(config.hidden, config.hidden) for _ in range(config.layers - 1)])
        self.modulations = nn.ModuleList([nn.Linear(2 * config.frequencies, config.hidden) for _ in self.hidden])
        self.head = nn.Linear(config.hidden, config.dim)

    def forward(self, x_t: Tensor, half_log_snr: Tensor, labels: Condition = None) -> Tensor:
        """x_t: (n, dim). half_log_snr: one number () for the batch, or (n,). labels: int64 (n,), negative or
        None for the null label. Returns (n, dim)."""
        # Of shape (2 × frequencies,) for one time: it is embedded once and used for every row.
        features = waves(half_log_snr, self.frequencies)
        label = label_features(self.label, labels)
        if self.config.point_frequencies:
            along = x_t @ self.directions
            x_t = torch.cat([x_t, along.sin(), along.cos()], dim=-1)
        h = self.point(x_t) + (self.time(features) + label)
        for linear, modulation in zip(self.hidden, self.modulations, strict=True):
            h = linear(nn.functional.silu(h)) * (1 + modulation(features))
        output: Tensor = self.head(nn.functional.silu(h))
        return output


def mlp_denoiser(network: MLP, schedule: Schedule, kind: Kind) -> NetworkDenoiser:
    """The network as a Denoiser. kind: what its output means."""
    return NetworkDenoiser(MLPCall(network, schedule), schedule, kind)


@dataclass(frozen=True, eq=False)
class MLPCall:
    """(x_t, t, condition) → output: the network is told the noise level of its schedule at t."""

    network: MLP
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        output: Tensor = self.network(x_t, level_at(self.schedule, t, x_t), condition)
        return output

    def on(self, schedule: Schedule) -> MLPCall:
        """The same network on another schedule."""
        return MLPCall(self.network, schedule)
