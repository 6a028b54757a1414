"""Attention of k-diffusion's transformers: which tokens a token looks at, and how it knows where they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

EPS = 1e-6
MAX_LOG_SCALE = math.log(100)


@dataclass(frozen=True)
class Attention:
    """Where a token looks: at all tokens, at a window around it or a fixed one of `size`, or nowhere. head: width."""

    kind: Literal["global", "neighborhood", "shifted-window", "none"] = "global"
    size: int = 0
    head: int = 64


def unfold(x: Tensor, dim: int, *sizes: int) -> Tensor:
    """One dimension as several."""
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def scaled(x: Tensor, scale: Tensor) -> Tensor:
    """x by its root mean square over the last dimension, times scale."""
    return x * (scale * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + EPS))


class Scale(nn.Module):
    """A norm with a scale of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return scaled(x, self.scale)


class AdaptiveScale(nn.Module):
    """A norm whose scale is one plus what the condition (n, features) says."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return scaled(x, self.linear(condition)[:, None, None] + 1)


class PairsTurned(nn.Module):
    """Version 1: neighbouring numbers of a head turn together, by angles that were trained."""

    def __init__(self, heads: int, head: int) -> None:
        super().__init__()
        self.freqs_h, self.freqs_w = (nn.Parameter(torch.zeros(heads, head // 4)) for _ in range(2))

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        """x: (n, heads, h, w, head); place: (h, w, 2)."""
        frequencies = (self.freqs_h.exp(), self.freqs_w.exp())
        theta = torch.cat([place[..., i] * f[..., None, None] for i, f in enumerate(frequencies)], dim=1)
        theta = theta.permute(0, 2, 3, 1)
        first, second = unfold(x, 4, -1, 2).unbind(-1)
        cos, sin = theta.cos(), theta.sin()
        return torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1).flatten(-2)


class QuartersTurned(nn.Module):
    """Version 2: the first quarter of a head's numbers turns with the second one; the rest stays."""

    def __init__(self, heads: int, head: int) -> None:
        super().__init__()
        self.register_buffer("freqs", torch.zeros(heads, head // 8))

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        freqs = self.get_buffer("freqs")[:, None, None]
        theta = torch.cat((place[..., :1] * freqs, place[..., 1:] * freqs), dim=-1)
        width = theta.shape[-1]
        first, second, rest = x[..., :width], x[..., width : 2 * width], x[..., 2 * width :]
        cos, sin = theta.cos(), theta.sin()
        return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), dim=-1)


class SelfAttention(nn.Module):
    """index: the layer's place in its level, every second one with shifted windows."""

    def __init__(self, width: int, attention: Attention, features: int, index: int, first: bool) -> None:
        super().__init__()
        self.attention, self.first = attention, first
        self.shift = attention.size // 2 if index % 2 else 0
        self.heads = width // attention.head
        self.norm = AdaptiveScale(width, features)
        self.qkv_proj = nn.Linear(width, 3 * width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.pos_emb = (PairsTurned if first else QuartersTurned)(self.heads, attention.head)
        if first:
            self.qk_norm = Scale(self.heads)
        else:
            self.scale = nn.Parameter(torch.zeros(self.heads))

    def forward(self, x: Tensor, place: Tensor, condition: Tensor) -> Tensor:
        qkv = unfold(self.qkv_proj(self.norm(x, condition)), 3, 3, self.heads, -1)
        q, k, v = qkv.permute(3, 0, 4, 1, 2, 5)  # each (n, heads, h, w, head)
        q, k = (self.pos_emb(self._normed(part), place) for part in (q, k))
        made = self._look(q, k, v).permute(0, 2, 3, 1, 4).flatten(-2)
        result: Tensor = x + self.out_proj(made)
        return result

    def _normed(self, x: Tensor) -> Tensor:
        """Such that the product of two is their cosine times the head's scale."""
        if self.first:
            scale = self.qk_norm.scale.clamp(max=MAX_LOG_SCALE).mul(0.5).exp() * x.shape[-1] ** -0.25
            return scaled(x, scale[:, None, None, None])
        return x * (self.scale.sqrt()[:, None, None, None] * torch.rsqrt(x.square().sum(dim=-1, keepdim=True) + EPS))

    def _look(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        height, width = q.shape[2:4]
        scale = q.shape[-1] ** -0.5 if self.first else 1.0
        size, shift, mask = self.attention.size, self.shift, None
        if self.attention.kind == "shifted-window":
            q, k, v = (windows(part.roll((shift, shift), (2, 3)), size) for part in (q, k, v))
            mask = same_side(height, width, size, shift, q.device)
            made = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
            return joined(made, height, width, size).roll((-shift, -shift), (2, 3))
        if self.attention.kind == "neighborhood":
            mask = around(height, width, size, q.device)
        q, k, v = (part.flatten(2, 3) for part in (q, k, v))
        made = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
        return unfold(made, 2, height, width)


def around(height: int, width: int, size: int, device: torch.device) -> Tensor:
    """(h w, h w): which tokens each one looks at, `size` × `size` of them; at the borders those that are there."""

    def line(length: int) -> Tensor:
        at = torch.arange(length, device=device)
        start = (at - size // 2).clamp(0, max(length - size, 0))[:, None]
        return (at >= start) & (at < start + size)

    rows, columns = line(height), line(width)
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(height * width, height * width)


def windows(x: Tensor, size: int) -> Tensor:
    """(n, heads, h, w, e) → (n, heads, windows, size², e)."""
    x = unfold(unfold(x, 3, -1, size), 2, -1, size)
    return x.permute(0, 1, 2, 4, 3, 5, 6).flatten(4, 5).flatten(2, 3)


def joined(x: Tensor, height: int, width: int, size: int) -> Tensor:
    """The pictures of `windows`."""
    x = unfold(unfold(x, 3, size, size), 2, height // size, width // size)
    return x.permute(0, 1, 2, 4, 3, 5, 6).flatten(4, 5).flatten(2, 3)


def same_side(height: int, width: int, size: int, shift: int, device: torch.device) -> Tensor:
    """(windows, size², size²): tokens that the shift has brought from the other side look at each other alone."""
    rows, columns = (torch.arange(length, device=device) < shift for length in (height, width))
    side = (2 * rows[:, None] + columns).float()[None, None, :, :, None]
    label = windows(side, size)[0, 0, ..., 0]
    return label[:, :, None] == label[:, None, :]
