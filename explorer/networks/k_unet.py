"""The U-Net of k-diffusion's configurations “image_v1” (Crowson 2022), with the parameter names of its files.

Every norm is without weights of its own: scale and shift come from the embedded noise level. Pictures are halved and
doubled by a fixed 4×4 filter over mirrored borders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class KConfig:
    """features: of the embedded noise level. skip_stages: how many of the first levels are left out, as while a network
    is grown. vector: length of a further condition, 0 for none. variance: a last channel that estimates the loss."""

    channels: int
    features: int
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    attention: tuple[bool, ...]
    patch: int = 1
    vector: int = 0
    skip_stages: int = 0
    variance: bool = False
    group: int = 32
    head: int = 64


class AdaptiveNorm(nn.Module):
    """A group norm with scale and shift of the condition (n, features)."""

    def __init__(self, features: int, channels: int, group: int) -> None:
        super().__init__()
        self.groups = max(1, channels // group)
        self.mapper = nn.Linear(features, 2 * channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.mapper(condition)[:, :, None, None].chunk(2, dim=1)
        normed: Tensor = nn.functional.group_norm(x, self.groups, eps=1e-5)
        result: Tensor = normed * (scale + 1) + shift
        return result


class Residual(nn.Module):
    """Two convolutions, each behind an adaptive norm."""

    def __init__(self, config: KConfig, channels: int, middle: int, out: int) -> None:
        super().__init__()
        self.main = nn.ModuleDict(
            {  # the file counts activations and dropout too
                "0": AdaptiveNorm(config.features, channels, config.group),
                "2": nn.Conv2d(channels, middle, 3, padding=1),
                "4": AdaptiveNorm(config.features, middle, config.group),
                "6": nn.Conv2d(middle, out, 3, padding=1),
            }
        )
        self.skip = nn.Conv2d(channels, out, 1, bias=False) if channels != out else None

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gelu, main = nn.functional.gelu, self.main
        h = main["2"](gelu(main["0"](x, condition)))
        h = main["6"](gelu(main["4"](h, condition)))
        result: Tensor = h + (x if self.skip is None else self.skip(x))
        return result


class Attention(nn.Module):
    """Each pixel asks all pixels."""

    def __init__(self, config: KConfig, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // config.head)
        self.norm_in = AdaptiveNorm(config.features, channels, config.group)
        self.qkv_proj = nn.Conv2d(channels, 3 * channels, 1)
        self.out_proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        qkv = self.qkv_proj(self.norm_in(x, condition))
        qkv = qkv.view(n, 3 * self.heads, channels // self.heads, height * width).transpose(2, 3)
        q, k, v = qkv.chunk(3, dim=1)
        made = nn.functional.scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(x.shape)
        result: Tensor = x + self.out_proj(made)
        return result


class Resample(nn.Module):
    """Half or twice the size; the file holds the filter."""

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        self.register_buffer("kernel", torch.zeros(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.get_buffer("kernel").tile(x.shape[1], 1, 1, 1)
        x = nn.functional.pad(x, (1, 1, 1, 1), "reflect")
        if self.up:
            return nn.functional.conv_transpose2d(x, kernel, groups=x.shape[1], stride=2, padding=3)
        return nn.functional.conv2d(x, kernel, groups=x.shape[1], stride=2)


class Level(nn.ModuleDict):
    """The blocks of one level, by the numbers the file gives them; halved before, or doubled after."""

    def __init__(self, config: KConfig, level: int, channels: int, out: int, down: bool) -> None:
        super().__init__()
        resampled, place = level > config.skip_stages, 0
        width, depth = config.widths[level], config.depths[level]
        if down:
            if resampled:
                self["0"] = Resample(up=False)
            place = 1
        for i in range(depth):
            here = width if i < depth - 1 else out
            self[str(place)] = Residual(config, channels if i == 0 else width, width, here)
            place += 1
            if config.attention[level]:
                self[str(place)] = Attention(config, here)
                place += 1
        if resampled and not down:
            self[str(place)] = Resample(up=True)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for block in self.values():
            x = block(x) if isinstance(block, Resample) else block(x, condition)
        return x


class KUnet(nn.Module):
    """(x (n, C, H, W) scaled to unit size, σ (n,)) → (n, C, H, W). All further conditions are zero."""

    def __init__(self, config: KConfig) -> None:
        super().__init__()
        self.config = config
        widths, levels = config.widths, range(len(config.widths))
        before = [widths[max(0, level - 1)] for level in levels]
        edge, pixels = widths[max(0, config.skip_stages - 1)], config.channels * config.patch**2
        features = config.features
        self.timestep_embed = nn.Module()
        self.timestep_embed.register_buffer("weight", torch.zeros(features // 2, 1))
        if config.vector:
            self.mapping_cond = nn.Linear(config.vector, features, bias=False)  # of a condition that is zero here
        self.mapping = nn.ModuleDict({"0": nn.Linear(features, features), "2": nn.Linear(features, features)})
        self.proj_in = nn.Conv2d(pixels, edge, 1)
        self.proj_out = nn.Conv2d(edge, pixels + config.variance, 1)
        down = [Level(config, level, before[level], widths[level], down=True) for level in levels]
        deepest = len(widths) - 1
        up = [
            Level(config, level, widths[level] * (1 if level == deepest else 2), before[level], down=False)
            for level in reversed(levels)
        ]
        self.u_net = nn.Module()
        self.u_net.d_blocks = nn.ModuleList(down)
        self.u_net.u_blocks = nn.ModuleList(up)

    def embed(self, sigma: Tensor) -> Tensor:
        """What every norm is told of σ (n,): (n, features)."""
        gelu = nn.functional.gelu
        angles = 2 * math.pi * (sigma.log() / 4)[:, None] @ self.timestep_embed.get_buffer("weight").T
        h = torch.cat((angles.cos(), angles.sin()), dim=1)
        return gelu(self.mapping["2"](gelu(self.mapping["0"](h))))

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        config, condition = self.config, self.embed(sigma)
        h = self.proj_in(nn.functional.pixel_unshuffle(x, config.patch))
        skips: list[Tensor] = []
        down, up = self.u_net.d_blocks, self.u_net.u_blocks
        assert isinstance(down, nn.ModuleList)
        assert isinstance(up, nn.ModuleList)
        for level in list(down)[config.skip_stages :]:
            h = level(h, condition)
            skips.append(h)
        for i, level in enumerate(list(up)[: len(skips)]):
            skip = skips.pop()
            h = level(torch.cat((h, skip), dim=1) if i else skip, condition)
        h = self.proj_out(h)
        return nn.functional.pixel_shuffle(h[:, :-1] if config.variance else h, config.patch)
