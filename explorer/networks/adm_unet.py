"""The U-Net of OpenAI's improved and guided diffusion and of latent diffusion, with their parameter names.

Ho et al. 2020 with the changes of Nichol & Dhariwal 2021 and Dhariwal & Nichol 2021; in Rombach et al. 2022 some
attention blocks became transformers that also look at a context. What a block is made of is a list of specifications
(`formats/adm_keys.py` reads them off the shapes of a file's weights), so one class serves every variant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

GROUPS = 32


@dataclass(frozen=True)
class Convolution:
    """The first one (no resampling), or one that halves or doubles the picture."""

    channels: int
    out_channels: int
    resample: Literal["", "up", "down"] = ""


@dataclass(frozen=True)
class Residual:
    """scale_shift: the time scales and shifts the features rather than being added to them."""

    channels: int
    out_channels: int
    scale_shift: bool
    resample: Literal["", "up", "down"] = ""


@dataclass(frozen=True)
class SelfAttention:
    """new_order: queries, keys and values are split before the heads are."""

    channels: int
    heads: int
    new_order: bool = False


@dataclass(frozen=True)
class Transformer:
    """inner: width inside. context: width of each token of the context, None for blocks that look at none."""

    channels: int
    inner: int
    heads: int
    depth: int
    context: int | None


Layer: TypeAlias = Convolution | Residual | SelfAttention | Transformer
Stage: TypeAlias = tuple[Layer, ...]


@dataclass(frozen=True)
class AdmConfig:
    """features: of the time. embedding: width of the embedded time. classes: number of labels, 0 for none; with
    tokens, a label becomes the context's only token (of the table `tokens`, kept outside the network in the files)."""

    in_channels: int
    out_channels: int
    features: int
    embedding: int
    inputs: tuple[Stage, ...]
    middle: Stage
    outputs: tuple[Stage, ...]
    classes: int = 0
    tokens: tuple[int, int] | None = None


class _Convolution(nn.Module):
    def __init__(self, spec: Convolution) -> None:
        super().__init__()
        self.up = spec.resample == "up"
        self.name = "conv" if self.up else "op"  # the files have two names for it
        layer = nn.Conv2d(spec.channels, spec.out_channels, 3, stride=1 if self.up else 2, padding=1)
        self.add_module(self.name, layer)

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
        result: Tensor = self.get_submodule(self.name)(x)
        return result


class _Residual(nn.Module):
    def __init__(self, spec: Residual, embedding: int) -> None:
        super().__init__()
        self.spec, width = spec, spec.out_channels
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, spec.channels), nn.SiLU(), nn.Conv2d(spec.channels, width, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, width * (2 if spec.scale_shift else 1)))
        # The third layer was a dropout.
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Identity(), nn.Conv2d(width, width, 3, padding=1)
        )
        same = spec.channels == width
        self.skip_connection = nn.Identity() if same else nn.Conv2d(spec.channels, width, 1)

    def _resample(self, x: Tensor) -> Tensor:
        if self.spec.resample == "up":
            return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return nn.functional.avg_pool2d(x, 2) if self.spec.resample == "down" else x

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        norm, silu, convolution = self.in_layers
        h = convolution(self._resample(silu(norm(x))))
        embedded = self.emb_layers(time)[:, :, None, None]
        norm, *rest = self.out_layers
        if self.spec.scale_shift:
            scale, shift = embedded.chunk(2, dim=1)
            h = norm(h) * (1 + scale) + shift
        else:
            h = norm(h + embedded)
        for layer in rest:
            h = layer(h)
        result: Tensor = self.skip_connection(self._resample(x)) + h
        return result


class _SelfAttention(nn.Module):
    def __init__(self, spec: SelfAttention) -> None:
        super().__init__()
        self.spec = spec
        self.norm = nn.GroupNorm(GROUPS, spec.channels)
        self.qkv = nn.Conv1d(spec.channels, 3 * spec.channels, 1)
        self.proj_out = nn.Conv1d(spec.channels, spec.channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        flat = x.view(n, channels, height * width)
        heads = (3, self.spec.heads) if self.spec.new_order else (self.spec.heads, 3)
        qkv = self.qkv(self.norm(flat)).view(n, *heads, -1, height * width)
        q, k, v = qkv.unbind(1 if self.spec.new_order else 2)  # each (n, heads, channels a head, pixels)
        scale = q.shape[2] ** -0.25  # on both, so that half precision does not overflow
        weights = ((q * scale).transpose(-1, -2) @ (k * scale)).softmax(dim=-1)
        out = (v @ weights.transpose(-1, -2)).reshape(n, channels, height * width)
        result: Tensor = flat + self.proj_out(out)
        return result.view(x.shape)


class _CrossAttention(nn.Module):
    def __init__(self, inner: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(inner, inner, bias=False)
        self.to_k = nn.Linear(context, inner, bias=False)
        self.to_v = nn.Linear(context, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, inner))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        n, _, inner = x.shape
        q, k, v = (
            y.view(n, -1, self.heads, inner // self.heads).transpose(1, 2)
            for y in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        weights = (q @ k.transpose(-1, -2) * (inner // self.heads) ** -0.5).softmax(dim=-1)
        result: Tensor = self.to_out((weights @ v).transpose(1, 2).reshape(n, -1, inner))
        return result


class _Gated(nn.Module):
    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inner, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        result: Tensor = value * nn.functional.gelu(gate)
        return result


class _FeedForward(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.net = nn.Sequential(_Gated(inner, 4 * inner), nn.Identity(), nn.Linear(4 * inner, inner))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.net(x)
        return result


class _TransformerBlock(nn.Module):
    def __init__(self, spec: Transformer) -> None:
        super().__init__()
        self.attn1 = _CrossAttention(spec.inner, spec.inner, spec.heads)
        self.ff = _FeedForward(spec.inner)
        self.attn2 = _CrossAttention(spec.inner, spec.context or spec.inner, spec.heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(spec.inner) for _ in range(3))

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        h = self.norm1(x)
        x = self.attn1(h, h) + x
        h = self.norm2(x)
        x = self.attn2(h, h if context is None else context) + x
        result: Tensor = self.ff(self.norm3(x)) + x
        return result


class _Transformer(nn.Module):
    def __init__(self, spec: Transformer) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, spec.channels, eps=1e-6)
        self.proj_in = nn.Conv2d(spec.channels, spec.inner, 1)
        self.transformer_blocks = nn.ModuleList([_TransformerBlock(spec) for _ in range(spec.depth)])
        self.proj_out = nn.Conv2d(spec.inner, spec.channels, 1)

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        h = self.proj_in(self.norm(x))
        tokens = h.flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        result: Tensor = self.proj_out(tokens.transpose(1, 2).reshape(h.shape)) + x
        return result


def _build(spec: Layer, embedding: int) -> nn.Module:
    if isinstance(spec, Residual):
        return _Residual(spec, embedding)
    if isinstance(spec, SelfAttention):
        return _SelfAttention(spec)
    if isinstance(spec, Transformer):
        return _Transformer(spec)
    return _Convolution(spec) if spec.resample else nn.Conv2d(spec.channels, spec.out_channels, 3, padding=1)


class _Stage(nn.ModuleList):
    """Layers one after the other, each given what it needs."""

    def forward(self, x: Tensor, time: Tensor, context: Tensor | None) -> Tensor:
        for layer in self:
            if isinstance(layer, _Residual):
                x = layer(x, time)
            elif isinstance(layer, _Transformer):
                x = layer(x, context)
            else:
                x = layer(x)
        return x


def time_features(time: Tensor, count: int) -> Tensor:
    """Cosines, then sines, of the time (n,) at frequencies from 1 down to nearly 1/10,000: (n, count)."""
    half = count // 2
    steps = torch.arange(half, dtype=torch.float32, device=time.device)
    angles = time[:, None] * torch.exp(-math.log(10_000) * steps / half)
    return nn.functional.pad(torch.cat((angles.cos(), angles.sin()), dim=-1), (0, count % 2))


class AdmUnet(nn.Module):
    """(x_t (n, C, H, W), time (n,), labels (n,) where there are classes or tokens) → (n, out_channels, H, W)."""

    def __init__(self, config: AdmConfig) -> None:
        super().__init__()
        self.config = config
        self.time_embed = nn.Sequential(
            nn.Linear(config.features, config.embedding), nn.SiLU(), nn.Linear(config.embedding, config.embedding)
        )
        if config.classes:
            self.label_emb = nn.Embedding(config.classes, config.embedding)
        if config.tokens:
            self.tokens = nn.Embedding(*config.tokens)

        def stage(layers: Stage) -> _Stage:
            return _Stage(_build(spec, config.embedding) for spec in layers)

        self.input_blocks = nn.ModuleList(map(stage, config.inputs))
        self.middle_block = stage(config.middle)
        self.output_blocks = nn.ModuleList(map(stage, config.outputs))
        last = config.outputs[-1][0]
        width = last.inner if isinstance(last, Transformer) else getattr(last, "out_channels", last.channels)
        self.out = nn.Sequential(
            nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, config.out_channels, 3, padding=1)
        )

    def forward(self, x: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        embedded = self.time_embed(time_features(time, self.config.features))
        context = None
        if labels is not None and self.config.classes:
            embedded = embedded + self.label_emb(labels)
        if labels is not None and self.config.tokens:
            context = self.tokens(labels)[:, None]
        kept: list[Tensor] = []
        for block in self.input_blocks:
            x = block(x, embedded, context)
            kept.append(x)
        x = self.middle_block(x, embedded, context)
        for block in self.output_blocks:
            x = block(torch.cat((x, kept.pop()), dim=1), embedded, context)
        output: Tensor = self.out(x)
        return output
