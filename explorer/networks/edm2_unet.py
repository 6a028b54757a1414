"""The U-Net of Karras et al. 2024 (EDM2), with the parameter names of NVlabs' code.

All its layers keep magnitudes: every filter has norm 1 over its inputs, activations and sums are scaled to unit
variance, and there are neither biases nor group norms. Equations are those of the paper's appendix B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

EPS = 1e-4
SILU_SCALE = 0.596
"""The root mean square of SiLU of a standard normal variable (eq. 81)."""
Way = Literal["", "up", "down"]


@dataclass(frozen=True)
class Edm2Config:
    """The arguments of NVlabs' UNet that matter for what it computes. balances: the share of the second part."""

    img_resolution: int
    img_channels: int
    label_dim: int = 0
    model_channels: int = 192
    channel_mult: tuple[int, ...] = (1, 2, 3, 4)
    channel_mult_noise: int | None = None
    channel_mult_emb: int | None = None
    num_blocks: int = 3
    attn_resolutions: tuple[int, ...] = (16, 8)
    label_balance: float = 0.5
    concat_balance: float = 0.5
    resample_filter: tuple[float, ...] = (1, 1)
    channels_per_head: int = 64
    res_balance: float = 0.3
    attn_balance: float = 0.3
    clip_act: float | None = 256.0

    @property
    def embedding(self) -> int:
        """Width of the embedded noise level."""
        factor = max(self.channel_mult) if self.channel_mult_emb is None else self.channel_mult_emb
        return self.model_channels * factor


def unit(x: Tensor, dims: int | tuple[int, ...]) -> Tensor:
    """Of unit root mean square along some dimensions (eq. 66)."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=dims, keepdim=True)
    return x / (EPS + norm * math.sqrt(norm.numel() / x.numel()))


def silu(x: Tensor) -> Tensor:
    """SiLU, scaled so that numbers of unit variance keep it (eq. 81)."""
    return nn.functional.silu(x) / SILU_SCALE


def mix(a: Tensor, b: Tensor, share: float) -> Tensor:
    """A sum that keeps the variance (eq. 88)."""
    return a.lerp(b, share) / math.hypot(1 - share, share)


def join(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Channels of both, weighted so that either contributes its share (eq. 103)."""
    n, m = a.shape[1], b.shape[1]
    scale = math.sqrt((n + m) / ((1 - share) ** 2 + share**2))
    return torch.cat((a * (scale * (1 - share) / math.sqrt(n)), b * (scale * share / math.sqrt(m))), dim=1)


class Fourier(nn.Module):
    """Cosines of random frequencies and phases (eq. 75)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("freqs", torch.zeros(width))
        self.register_buffer("phases", torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        freqs, phases = self.get_buffer("freqs"), self.get_buffer("phases")
        return (x[:, None] * freqs + phases).cos() * math.sqrt(2)


class Layer(nn.Module):
    """A convolution, or a matrix where `kernel` is 0. Its weights are as stored until `settle` is called."""

    def __init__(self, channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        shape = (kernel, kernel) if kernel else ()
        self.weight = nn.Parameter(torch.zeros(out_channels, channels, *shape))

    def settle(self) -> None:
        """Scale the weights as every call would (eq. 47)."""
        dims = tuple(range(1, self.weight.ndim))
        self.weight.data = unit(self.weight.data, dims) / math.sqrt(self.weight[0].numel())

    def forward(self, x: Tensor, gain: Tensor | None = None) -> Tensor:
        weight = self.weight if gain is None else self.weight * gain
        if weight.ndim == 2:
            return x @ weight.t()
        return nn.functional.conv2d(x, weight, padding=weight.shape[-1] // 2)


class Block(nn.Module):
    """Two convolutions with the embedded noise level between them, and attention (fig. 21)."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        config: Edm2Config,
        encoder: bool,
        way: Way = "",
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.config, self.encoder, self.way = config, encoder, way
        self.heads = out_channels // config.channels_per_head if attention else 0
        self.emb_gain = nn.Parameter(torch.zeros(()))
        self.conv_res0 = Layer(out_channels if encoder else channels, out_channels, 3)
        self.emb_linear = Layer(config.embedding, out_channels, 0)
        self.conv_res1 = Layer(out_channels, out_channels, 3)
        self.conv_skip = Layer(channels, out_channels, 1) if channels != out_channels else None
        self.attn_qkv = Layer(out_channels, 3 * out_channels, 1) if self.heads else None
        self.attn_proj = Layer(out_channels, out_channels, 1) if self.heads else None

    def _resample(self, x: Tensor) -> Tensor:
        if not self.way:
            return x
        taps = torch.tensor(self.config.resample_filter, dtype=x.dtype, device=x.device)
        taps = taps / taps.sum()
        kernel = taps.outer(taps).tile(x.shape[1], 1, 1, 1)
        around = (len(taps) - 1) // 2
        if self.way == "down":
            return nn.functional.conv2d(x, kernel, groups=x.shape[1], stride=2, padding=around)
        return nn.functional.conv_transpose2d(x, 4 * kernel, groups=x.shape[1], stride=2, padding=around)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        config = self.config
        x = self._resample(x)
        if self.encoder:
            x = unit(x if self.conv_skip is None else self.conv_skip(x), 1)
        scale = self.emb_linear(embedded, self.emb_gain) + 1
        y = self.conv_res1(silu(self.conv_res0(silu(x)) * scale[:, :, None, None]))
        if not self.encoder and self.conv_skip is not None:
            x = self.conv_skip(x)
        x = mix(x, y, config.res_balance)
        if self.attn_qkv is not None and self.attn_proj is not None:
            n, channels, height, width = x.shape
            three = self.attn_qkv(x).reshape(n, self.heads, -1, 3, height * width)
            q, k, v = (part.transpose(2, 3) for part in unit(three, 2).unbind(3))
            attended = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(dim=3) @ v
            x = mix(
                x, self.attn_proj(attended.transpose(2, 3).reshape(n, channels, height, width)), config.attn_balance
            )
        return x if config.clip_act is None else x.clamp(-config.clip_act, config.clip_act)


class Edm2Unet(nn.Module):
    """(x (n, C, H, W), c_noise (n,), labels (n, label_dim) or None) → (n, C, H, W), before the preconditioning."""

    def __init__(self, config: Edm2Config) -> None:
        super().__init__()
        self.config = config
        widths = [config.model_channels * factor for factor in config.channel_mult]
        noise = widths[0] if config.channel_mult_noise is None else config.model_channels * config.channel_mult_noise
        self.out_gain = nn.Parameter(torch.zeros(()))
        self.emb_fourier = Fourier(noise)
        self.emb_noise = Layer(noise, config.embedding, 0)
        self.emb_label = Layer(config.label_dim, config.embedding, 0) if config.label_dim else None
        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        sides = [config.img_resolution >> level for level in range(len(widths))]
        width, kept = widths[0], [widths[0]]
        for level, (side, channels) in enumerate(zip(sides, widths, strict=True)):
            name, attention = f"{side}x{side}", side in config.attn_resolutions
            if level:
                self.enc[f"{name}_down"] = Block(width, width, config, True, "down")
                kept.append(width)
            else:
                self.enc[f"{name}_conv"] = Layer(config.img_channels + 1, width, 3)
            for i in range(config.num_blocks):
                self.enc[f"{name}_block{i}"] = Block(width, channels, config, True, attention=attention)
                width = channels
                kept.append(width)
        for level, (side, channels) in reversed([*enumerate(zip(sides, widths, strict=True))]):
            name, attention = f"{side}x{side}", side in config.attn_resolutions
            if level == len(sides) - 1:
                self.dec[f"{name}_in0"] = Block(width, width, config, False, attention=True)
                self.dec[f"{name}_in1"] = Block(width, width, config, False)
            else:
                self.dec[f"{name}_up"] = Block(width, width, config, False, "up")
            for i in range(config.num_blocks + 1):
                self.dec[f"{name}_block{i}"] = Block(width + kept.pop(), channels, config, False, attention=attention)
                width = channels
        self.out_conv = Layer(width, config.img_channels, 3)

    def settle(self) -> None:
        """To be called once, when the weights are there."""
        for module in self.modules():
            if isinstance(module, Layer):
                module.settle()

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        config = self.config
        embedded = self.emb_noise(self.emb_fourier(noise))
        if self.emb_label is not None and labels is not None:
            scaled = labels * math.sqrt(config.label_dim)
            embedded = mix(embedded, self.emb_label(scaled), config.label_balance)
        embedded = silu(embedded)
        x = torch.cat((x, torch.ones_like(x[:, :1])), dim=1)
        kept = []
        for block in self.enc.values():
            x = block(x) if isinstance(block, Layer) else block(x, embedded)
            kept.append(x)
        for name, block in self.dec.items():
            if "block" in name:
                x = join(x, kept.pop(), config.concat_balance)
            x = block(x, embedded)
        result: Tensor = self.out_conv(x, self.out_gain)
        return result
