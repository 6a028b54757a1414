"""The transformers of k-diffusion's configurations “image_transformer_v1” and “image_transformer_v2” (Crowson 2023 and
Crowson et al. 2024), with the parameter names of their files.

Version 1 is a row of layers on patches of the picture. Version 2 is an hourglass: on the way down four neighbouring
tokens become one, on the way up one becomes four, weighed against what was there before; the outer levels may look at
their surroundings alone. Every norm is without a mean, and takes its scale from the embedded noise level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from explorer.networks.k_attention import AdaptiveScale, Attention, Scale, SelfAttention, unfold


@dataclass(frozen=True)
class LevelConfig:
    """hidden: width inside its feed-forward layers."""

    depth: int
    width: int
    hidden: int
    attention: Attention = Attention()


@dataclass(frozen=True)
class KTransformerConfig:
    """first: version 1, of one level. patch: height and width. features: of the embedded noise level, which go through
    `mapping` layers of `mapping_hidden`. classes: labels, the one for none among them. vector: length of a further
    condition, which is zero here."""

    first: bool
    channels: int
    patch: tuple[int, int]
    levels: tuple[LevelConfig, ...]
    features: int
    mapping: int
    mapping_hidden: int
    classes: int = 0
    vector: int = 0


class Feed(nn.Module):
    """A gated feed-forward layer; without a condition's features its norm has a scale of its own."""

    def __init__(self, width: int, hidden: int, features: int = 0) -> None:
        super().__init__()
        self.norm = AdaptiveScale(width, features) if features else Scale(width)
        self.up_proj = nn.Linear(width, 2 * hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        value, gate = self.up_proj(self.norm(x, *condition)).chunk(2, dim=-1)
        result: Tensor = x + self.down_proj(value * nn.functional.gelu(gate))
        return result


class Layer(nn.Module):
    def __init__(self, level: LevelConfig, features: int, index: int, first: bool) -> None:
        super().__init__()
        looks = level.attention.kind != "none"
        self.self_attn = SelfAttention(level.width, level.attention, features, index, first) if looks else None
        self.ff = Feed(level.width, level.hidden, features)

    def forward(self, x: Tensor, place: Tensor, condition: Tensor) -> Tensor:
        if self.self_attn is not None:
            x = self.self_attn(x, place, condition)
        result: Tensor = self.ff(x, condition)
        return result


class Layers(nn.ModuleList):
    """begin: the index of the first of them."""

    def __init__(self, level: LevelConfig, features: int, first: bool, begin: int = 0) -> None:
        super().__init__(Layer(level, features, begin + i, first) for i in range(level.depth))

    def forward(self, x: Tensor, place: Tensor, condition: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, place, condition)
        return x


class Merge(nn.Module):
    """Neighbouring tokens (n, h, w, e) as one."""

    def __init__(self, width: int, out: int, patch: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(width * patch[0] * patch[1], out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = unfold(unfold(x, 2, -1, self.patch[1]), 1, -1, self.patch[0])
        result: Tensor = self.proj(x.permute(0, 1, 3, 2, 4, 5).flatten(3))
        return result


class Split(nn.Module):
    """One token as several, mixed with those that were there before, where `mixed`."""

    def __init__(self, width: int, out: int, patch: tuple[int, int] = (2, 2), mixed: bool = True) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(width, out * patch[0] * patch[1], bias=False)
        self.fac = nn.Parameter(torch.zeros(1)) if mixed else None

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        x = unfold(self.proj(x), 3, *self.patch, -1).permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)
        return x if before is None or self.fac is None else torch.lerp(before, x, self.fac)


class KTransformer(nn.Module):
    """(x (n, C, H, W) scaled to unit size, σ (n,), labels (n,) where there are classes) → (n, C, H, W)."""

    def __init__(self, config: KTransformerConfig) -> None:
        super().__init__()
        self.config = config
        levels, features, patch, channels = config.levels, config.features, config.patch, config.channels
        pixels = channels * patch[0] * patch[1]
        self.time_emb, self.aug_emb = nn.Module(), nn.Module()
        self.time_emb.register_buffer("weight", torch.zeros(features // 2, 1))
        self.aug_emb.register_buffer("weight", torch.zeros(features // 2, 9))
        self.time_in_proj, self.aug_in_proj = (nn.Linear(features, features, bias=False) for _ in range(2))
        self.class_emb = nn.Embedding(config.classes, features) if config.classes else None
        if config.vector:
            self.mapping_cond_in_proj = nn.Linear(config.vector, features, bias=False)  # of a condition that is zero
        self.mapping = nn.Module()
        self.mapping.in_norm, self.mapping.out_norm = Scale(features), Scale(features)
        self.mapping.blocks = nn.Sequential(*(Feed(features, config.mapping_hidden) for _ in range(config.mapping)))
        self.out_norm = Scale(levels[0].width)
        if config.first:
            self.in_proj = nn.Linear(pixels, levels[0].width, bias=False)
            self.blocks = Layers(levels[0], features, first=True)
            self.out_proj = nn.Linear(levels[0].width, pixels, bias=False)
            return
        self.patch_in = Merge(channels, levels[0].width, patch)
        self.patch_out = Split(levels[0].width, channels, patch, mixed=False)
        self.down_levels = nn.ModuleList(Layers(level, features, first=False) for level in levels[:-1])
        self.up_levels = nn.ModuleList(Layers(level, features, False, level.depth) for level in levels[:-1])
        self.mid_level = Layers(levels[-1], features, first=False)
        widths = [level.width for level in levels]
        pairs = list(pairwise(widths))
        self.merges = nn.ModuleList(Merge(outer, inner) for outer, inner in pairs)
        self.splits = nn.ModuleList(Split(inner, outer) for outer, inner in pairs)

    def embed(self, sigma: Tensor, labels: Tensor | None) -> Tensor:
        """What every layer is told of σ (n,) and the labels: (n, features)."""
        angles = 2 * math.pi * (sigma.log() / 4)[:, None] @ self.time_emb.get_buffer("weight").T
        plain = torch.zeros_like(angles)  # of the distortions of training
        told: Tensor = self.time_in_proj(torch.cat((angles.cos(), angles.sin()), dim=1))
        told = told + self.aug_in_proj(torch.cat((plain.cos(), plain.sin()), dim=1))
        if self.class_emb is not None and labels is not None:
            told = told + self.class_emb(labels)
        mapping = self.mapping
        for part in (mapping.in_norm, mapping.blocks, mapping.out_norm):
            assert isinstance(part, nn.Module)
            told = part(told)
        return told

    def forward(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        condition = self.embed(sigma, labels)
        return self._row(x, condition) if self.config.first else self._hourglass(x, condition)

    def _row(self, x: Tensor, condition: Tensor) -> Tensor:
        rows, columns = self.config.patch
        tokens = unfold(unfold(x, 3, -1, columns), 2, -1, rows).permute(0, 2, 4, 1, 3, 5).flatten(3)
        place = places(tokens.shape[1], tokens.shape[2], rows / columns, x.device)
        tokens = self.blocks(self.in_proj(tokens), place, condition)
        tokens = unfold(self.out_proj(self.out_norm(tokens)), 3, -1, rows, columns)
        result: Tensor = tokens.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
        return result

    def _hourglass(self, x: Tensor, condition: Tensor) -> Tensor:
        tokens = self.patch_in(x.movedim(1, -1))
        place = places(tokens.shape[1], tokens.shape[2], 1.0, x.device)
        kept: list[tuple[Tensor, Tensor]] = []
        for level, merge in zip(self.down_levels, self.merges, strict=True):
            tokens = level(tokens, place, condition)
            kept.append((tokens, place))
            tokens = merge(tokens)
            place = unfold(unfold(place, 1, -1, 2), 0, -1, 2).mean(dim=(1, 3))
        tokens = self.mid_level(tokens, place, condition)
        for level, split in zip(reversed(self.up_levels), reversed(self.splits), strict=True):
            before, place = kept.pop()
            tokens = level(split(tokens, before), place, condition)
        result: Tensor = self.patch_out(self.out_norm(tokens)).movedim(-1, 1)
        return result


def places(height: int, width: int, aspect: float, device: torch.device) -> Tensor:
    """(h, w, 2): the middles of the tokens in the largest box of their picture's shape inside −1 … 1.

    aspect: height of a token by its width.
    """
    ratio = width / (height * aspect)
    tall, wide = min(1.0, 1 / ratio), min(1.0, ratio)

    def middles(reach: float, count: int) -> Tensor:
        edges = torch.linspace(-reach, reach, count + 1, device=device)
        return (edges[:-1] + edges[1:]) / 2

    return torch.stack(torch.meshgrid(middles(tall, height), middles(wide, width), indexing="ij"), dim=-1)
