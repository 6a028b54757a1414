"""The U-Net of denoising-diffusion-pytorch, with its parameter names, whatever release wrote them.

Residual blocks with the time as scale and shift, linear attention at every resolution but the lowest (or where the
file has the ordinary kind), and the first features added again before the last block. Of Ho et al. 2020 it keeps the
shape; the parts are those of lucidrains' package, whose releases differ in names and norms:

    since 2.0   RMS norms over channels; attention with its norm and learned keys and values inside
    since 1.8   the same, but group norms in the residual blocks
    before      layer norms around attention, without such keys; group norms, weight-standardised convolutions

Its class-conditional kind has no such keys in any release, strided convolutions on the way down, and an embedded label
beside the embedded time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LucidrainsConfig:
    """Sizes. widths: features before and after each level. full: which levels have ordinary attention, down and up.

    memory: learned keys and values of each attention, 0 for none. modern: of a release since 1.8. rms: RMS norms in the
    residual blocks. self_condition: the network also takes its last x̂₀. classes: number of labels, the next one being
    that for none; 0 for a network that takes no labels. features: how many frequencies of the
    time are kept with the weights, 0 where they are fixed.
    """

    channels: int
    out_channels: int
    dim: int
    widths: tuple[int, ...]
    heads: tuple[int, ...]
    head_dims: tuple[int, ...]
    full: tuple[bool, ...]
    memory: int = 4
    modern: bool = True
    rms: bool = True
    groups: int = 8
    self_condition: bool = False
    classes: int = 0
    features: int = 0
    theta: float = 10_000.0


class ChannelNorm(nn.Module):
    """Over the channels of each pixel: by their root mean square, or by mean and variance in older releases."""

    def __init__(self, dim: int, rms: bool = True) -> None:
        super().__init__()
        self.rms = rms
        self.g = nn.Parameter(torch.ones(1, dim, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.rms:
            return nn.functional.normalize(x, dim=1) * self.g * math.sqrt(x.shape[1])
        variance, mean = torch.var_mean(x, dim=1, unbiased=False, keepdim=True)
        return (x - mean) * (variance + 1e-5).rsqrt() * self.g


class StandardizedConv(nn.Conv2d):
    """A convolution whose every filter has mean 0 and variance 1 (Qiao et al. 2019)."""

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), unbiased=False, keepdim=True)
        weight = (self.weight - mean) * (variance + 1e-5).rsqrt()
        return nn.functional.conv2d(x, weight, self.bias, padding=self.padding)


class Block(nn.Module):
    def __init__(self, dim: int, dim_out: int, config: LucidrainsConfig) -> None:
        super().__init__()
        convolution = nn.Conv2d if config.modern else StandardizedConv
        self.proj = convolution(dim, dim_out, 3, padding=1)
        self.norm = ChannelNorm(dim_out) if config.rms else nn.GroupNorm(config.groups, dim_out)

    def forward(self, x: Tensor, scale_shift: tuple[Tensor, ...] | None = None) -> Tensor:
        x = self.norm(self.proj(x))
        if scale_shift is not None:
            scale, shift = scale_shift
            x = x * (scale + 1) + shift
        return nn.functional.silu(x)


class ResnetBlock(nn.Module):
    def __init__(self, dim: int, dim_out: int, config: LucidrainsConfig) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(4 * config.dim * (2 if config.classes else 1), 2 * dim_out))
        self.block1 = Block(dim, dim_out, config)
        self.block2 = Block(dim_out, dim_out, config)
        self.res_conv = nn.Conv2d(dim, dim_out, 1) if dim != dim_out else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale_shift = self.mlp(time)[:, :, None, None].chunk(2, dim=1)
        h: Tensor = self.block2(self.block1(x, scale_shift)) + self.res_conv(x)
        return h


class Attention(nn.Module):
    """Over the pixels: ordinary, or linear in their number (`full` false)."""

    def __init__(self, dim: int, heads: int, head_dim: int, full: bool, config: LucidrainsConfig) -> None:
        super().__init__()
        self.heads, self.full, hidden = heads, full, heads * head_dim
        self.modern = rms = config.modern
        self.norm = ChannelNorm(dim, rms)
        self.mem_kv = None
        if config.memory:
            shape = (config.memory, head_dim) if full else (head_dim, config.memory)
            self.mem_kv = nn.Parameter(torch.zeros(2, heads, *shape))
        self.to_qkv = nn.Conv2d(dim, 3 * hidden, 1, bias=False)
        out = nn.Conv2d(hidden, dim, 1)
        self.to_out: nn.Module = out if full else nn.Sequential(out, ChannelNorm(dim, rms))

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        # (n, heads, pixels, head_dim)
        q, k, v = self.to_qkv(self.norm(x)).view(n, 3, self.heads, -1, height * width).transpose(-1, -2).unbind(1)
        if self.mem_kv is not None:
            memory = self.mem_kv if self.full else self.mem_kv.transpose(-1, -2)
            keys, values = memory[:, None].expand(-1, n, -1, -1, -1)
            k, v = torch.cat((keys, k), dim=-2), torch.cat((values, v), dim=-2)
        scale = q.shape[-1] ** -0.5
        if self.full:
            out = (q @ k.transpose(-1, -2) * scale).softmax(dim=-1) @ v
        else:
            if not self.modern:  # older releases divide the values by the number of pixels
                v = v / (height * width)
            out = q.softmax(dim=-1) * scale @ (k.softmax(dim=-2).transpose(-1, -2) @ v)
        out = out.transpose(-1, -2).reshape(n, -1, height, width)
        result: Tensor = self.to_out(out)
        return result


class TimeFeatures(nn.Module):
    """Sines, then cosines, of the time at frequencies from 1 to 1/theta."""

    def __init__(self, dim: int, theta: float) -> None:
        super().__init__()
        self.dim, self.theta = dim, theta

    def forward(self, time: Tensor) -> Tensor:
        half = self.dim // 2
        steps = torch.arange(half, device=time.device)
        angles = time[:, None] * torch.exp(steps * -(math.log(self.theta) / (half - 1)))
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class KeptFeatures(nn.Module):
    """The time itself, then sines and cosines of it at frequencies that were drawn or learned."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(count))

    def forward(self, time: Tensor) -> Tensor:
        angles = 2 * math.pi * time[:, None] * self.weights
        return torch.cat((time[:, None], angles.sin(), angles.cos()), dim=-1)


def _parts(level: Any) -> tuple[Any, ...]:
    """Two residual blocks, an attention, and the way to the next level."""
    return tuple(level)


class ToPixels(nn.Module):
    """Each 2×2 square of pixels becomes four times as many channels."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pixel_unshuffle(x, 2)


class LucidrainsUnet(nn.Module):
    """(x_t (n, C, H, W), time (n,), labels (n,) where it takes some) → (n, out_channels, H, W).

    Sides must be multiples of 2^(levels − 1).
    """

    def __init__(self, config: LucidrainsConfig) -> None:
        super().__init__()
        self.config = config
        widths, last = config.widths, len(config.widths) - 2
        inputs = config.channels * (2 if config.self_condition else 1)
        self.init_conv = nn.Conv2d(inputs, widths[0], 7, padding=3)
        self.time_mlp = nn.Sequential(
            KeptFeatures(config.features) if config.features else TimeFeatures(config.dim, config.theta),
            nn.Linear(2 * config.features + 1 if config.features else config.dim, 4 * config.dim),
            nn.GELU(),
            nn.Linear(4 * config.dim, 4 * config.dim),
        )
        if config.classes:
            self.classes_emb = nn.Embedding(config.classes, config.dim)
            self.null_classes_emb = nn.Parameter(torch.zeros(config.dim))
            width = 4 * config.dim
            self.classes_mlp = nn.Sequential(nn.Linear(config.dim, width), nn.GELU(), nn.Linear(width, width))
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for i, (small, large) in enumerate(pairwise(widths)):
            attention = (config.heads[i], config.head_dims[i], config.full[i], config)
            same = nn.Conv2d(small, large, 3, padding=1)
            halve: nn.Module = nn.Sequential(ToPixels(), nn.Conv2d(4 * small, large, 1))
            if config.classes:
                halve = nn.Conv2d(small, large, 4, stride=2, padding=1)
            blocks = [ResnetBlock(small, small, config), ResnetBlock(small, small, config)]
            self.downs.append(nn.ModuleList([*blocks, Attention(small, *attention), same if i == last else halve]))
            same = nn.Conv2d(large, small, 3, padding=1)
            double = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(large, small, 3, padding=1))
            blocks = [ResnetBlock(large + small, large, config), ResnetBlock(large + small, large, config)]
            self.ups.insert(0, nn.ModuleList([*blocks, Attention(large, *attention), same if i == 0 else double]))
        self.mid_block1 = ResnetBlock(widths[-1], widths[-1], config)
        self.mid_attn = Attention(widths[-1], config.heads[-1], config.head_dims[-1], True, config)
        self.mid_block2 = ResnetBlock(widths[-1], widths[-1], config)
        self.final_res_block = ResnetBlock(2 * widths[0], widths[0], config)
        self.final_conv = nn.Conv2d(widths[0], config.out_channels, 1)

    def forward(self, x: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.config.self_condition:
            x = torch.cat((torch.zeros_like(x), x), dim=1)
        x = self.init_conv(x)
        first, time = x, self.time_mlp(time)
        if labels is not None:
            known = torch.cat((self.classes_emb.weight, self.null_classes_emb[None]))
            time = torch.cat((time, self.classes_mlp(known[labels])), dim=-1)
        kept: list[Tensor] = []
        for block1, block2, attention, down in map(_parts, self.downs):
            x = block1(x, time)
            kept.append(x)
            x = block2(x, time)
            x = attention(x) + x
            kept.append(x)
            x = down(x)
        x = self.mid_block1(x, time)
        x = self.mid_attn(x) + x
        x = self.mid_block2(x, time)
        for block1, block2, attention, up in map(_parts, self.ups):
            x = block1(torch.cat((x, kept.pop()), dim=1), time)
            x = block2(torch.cat((x, kept.pop()), dim=1), time)
            x = attention(x) + x
            x = up(x)
        x = self.final_res_block(torch.cat((x, first), dim=1), time)
        output: Tensor = self.final_conv(x)
        return output
