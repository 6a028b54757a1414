"""A small U-Net for pictures of up to a few dozen pixels a side: what the score, twin and VDM models are made of.

The picture is folded first (2 × 2 pixels become channels), worked on at half and quarter size with attention at the
quarter, and unfolded again; a 28 × 28 picture costs half of what diffusers' smallest U-Net takes. The noise level
enters as ½ log SNR, like in `mlp.py`, so the network knows nothing of any schedule's clock: one trained on a learned
schedule is no different from one trained on levels of σ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import Schedule
from explorer.networks.conditioning import label_features, level_at, level_frequencies, waves

GROUPS = 8
EDGE = 12.0
"""Beyond ½ log SNR = ±12 nothing changes any more for float32."""


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of the network. size: of the square picture, a multiple of 4. width: channels at half size, a multiple of
    8; `deep` times as many at quarter size. classes: number of labels, 0 for none.

    fourier_first, fourier_count: sines and cosines of 2ⁿ π x_t for n = first … first + count − 1 are given to the
    network beside x_t, which lets it see the last bits of a pixel (Kingma et al. 2021, appendix C).
    """

    channels: int = 1
    size: int = 28
    width: int = 32
    deep: int = 2
    frequencies: int = 16
    classes: int = 0
    fourier_first: int = 0
    fourier_count: int = 0


class _Residual(nn.Module):
    """norm, SiLU, 3 × 3 convolution, twice; the level scales and shifts what lies between (FiLM)."""

    def __init__(self, before: int, after: int, features: int) -> None:
        super().__init__()
        self.norm_in, self.conv_in = nn.GroupNorm(GROUPS, before), nn.Conv2d(before, after, 3, padding=1)
        self.modulation = nn.Linear(features, 2 * after)
        self.norm_out, self.conv_out = nn.GroupNorm(GROUPS, after), nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        scale, shift = self.modulation(features)[..., None, None].chunk(2, dim=-3)
        h = self.conv_in(nn.functional.silu(self.norm_in(x)))
        h = self.conv_out(nn.functional.silu(self.norm_out(h) * (1 + scale) + shift))
        output: Tensor = self.skip(x) + h
        return output


class _Attention(nn.Module):
    """Every place looks at every other, one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv, self.out = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return output


class UNet(nn.Module):
    """(x_t, ½ log SNR, label) → the predicted quantity, of x_t's shape. The label `classes` is the null label."""

    frequencies: Tensor

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        width, wide, features = config.width, config.deep * config.width, 4 * config.width
        folded = 4 * config.channels
        self.register_buffer("frequencies", level_frequencies(config.frequencies))
        self.level = nn.Sequential(
            nn.Linear(2 * config.frequencies, features), nn.SiLU(), nn.Linear(features, features)
        )
        self.label = nn.Embedding(config.classes + 1, features)
        self.enter = nn.Conv2d(folded * (1 + 2 * config.fourier_count), width, 3, padding=1)
        self.down = _Residual(width, width, features)
        self.shrink = nn.Conv2d(width, wide, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([_Residual(wide, wide, features) for _ in range(2)])
        self.attention = _Attention(wide)
        self.enlarge = nn.Conv2d(wide, width, 3, padding=1)
        self.up = nn.ModuleList([_Residual(2 * width, width, features), _Residual(2 * width, width, features)])
        self.norm, self.leave = nn.GroupNorm(GROUPS, width), nn.Conv2d(width, folded, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x_t: Tensor, half_log_snr: Tensor, labels: Condition = None) -> Tensor:
        """x_t: (n, channels, size, size), of about unit scale. half_log_snr: one number () for the batch, or (n,).
        labels: int64 (n,), negative or None for the null label. Returns (n, channels, size, size)."""
        features = self._features(half_log_snr.clamp(-EDGE, EDGE), labels)
        first = self.enter(nn.functional.pixel_unshuffle(self._with_fourier(x_t), 2))
        second = self.down(first, features)
        deep = self.middle[0](self.shrink(second), features)
        deep = self.middle[1](self.attention(deep), features)
        h = self.enlarge(nn.functional.interpolate(deep, scale_factor=2.0, mode="nearest"))
        h = self.up[0](torch.cat([h, second], dim=1), features)
        h = self.up[1](torch.cat([h, first], dim=1), features)
        output: Tensor = nn.functional.pixel_shuffle(self.leave(nn.functional.silu(self.norm(h))), 2)
        return output

    def _features(self, half_log_snr: Tensor, labels: Condition) -> Tensor:
        level: Tensor = self.level(waves(half_log_snr, self.frequencies))
        return nn.functional.silu(level + label_features(self.label, labels))

    def _with_fourier(self, x_t: Tensor) -> Tensor:
        config = self.config
        if config.fourier_count == 0:
            return x_t
        powers = range(config.fourier_first, config.fourier_first + config.fourier_count)
        angles = [x_t * (math.pi * 2.0**n) for n in powers]
        return torch.cat([x_t, *(angle.sin() for angle in angles), *(angle.cos() for angle in angles)], dim=1)


@dataclass(frozen=True)
class Meaning:
    """What a network's output f stands for. kind: of the quantity. over_noise: it is f/s(t), as in NCSNv2, where one
    network has to give scores of all sizes. beside_x_t: a share of it is known from x_t, see `beside`."""

    kind: Kind
    over_noise: bool = False
    beside_x_t: bool = False


def beside(x: Tensor, f: Tensor, kind: Kind, a: float | Tensor, s: float | Tensor) -> Tensor:
    """What a network's output f and its input x = x_t/√(a² + s²) make together (`Meaning.beside_x_t`).

    x + f, as ε̂ in VDM. Of a score times s it is −(s x + a f)/√(a² + s²): then f has unit scale at every level, is ε̂
    where there is little noise and −x̂₀ where there is much (Karras et al. 2022, §5).
    """
    if kind != "score":
        return x + f
    r = (a * a + s * s) ** 0.5
    return x * (-s / r) - f * (a / r)


@dataclass(frozen=True, eq=False)
class UNetCall:
    """(x_t, t, condition) → what the output means: the network is told the noise level of its schedule at t."""

    network: UNet
    schedule: Schedule
    meaning: Meaning

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        x = x_t * (1 / math.hypot(a, s))
        output: Tensor = self.network(x, level_at(self.schedule, t, x_t), condition)
        if self.meaning.beside_x_t:
            output = beside(x, output, self.meaning.kind, a, s)
        return output * (1 / s) if self.meaning.over_noise else output

    def on(self, schedule: Schedule) -> UNetCall:
        """The same network on another schedule."""
        return UNetCall(self.network, schedule, self.meaning)


def picture_denoiser(network: UNet, schedule: Schedule, meaning: Meaning) -> NetworkDenoiser:
    """The network as a Denoiser. Pictures are given to it as x_t/√(a² + s²), of unit scale on every path."""
    return NetworkDenoiser(UNetCall(network, schedule, meaning), schedule, meaning.kind)
