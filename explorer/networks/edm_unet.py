"""The U-Nets of Karras et al. 2022 (EDM), with the parameter names of NVlabs' code.

SongUNet holds DDPM++ and NCSN++ of Song et al. 2021, DhariwalUNet the ADM of Dhariwal & Nichol 2021; both are made of
one kind of block. They are given the noise level as `c_noise` of the preconditioning that `formats/edm.py` puts around.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class EdmConfig:
    """The arguments of SongUNet or DhariwalUNet (`song`) that matter for what the network computes."""

    song: bool
    img_resolution: int
    in_channels: int
    out_channels: int
    label_dim: int = 0
    augment_dim: int = 0
    model_channels: int = 128
    channel_mult: tuple[int, ...] = (1, 2, 2, 2)
    channel_mult_emb: int = 4
    num_blocks: int = 4
    attn_resolutions: tuple[int, ...] = (16,)
    embedding_type: str = "positional"
    channel_mult_noise: int = 1
    encoder_type: str = "standard"
    decoder_type: str = "standard"
    resample_filter: tuple[float, ...] = (1, 1)


class Conv(nn.Module):
    """A convolution, with the picture halved or doubled by a filter before; kernel 0 for the filter alone.

    fused: the padding is split between filter and convolution in another way, which shows at the borders.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel: int,
        filter: tuple[float, ...] = (),
        up: bool = False,
        down: bool = False,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.down, self.fused, self.kernel = up, down, fused, kernel
        self.weight = nn.Parameter(torch.zeros(out_channels, channels, kernel, kernel)) if kernel else None
        self.bias = nn.Parameter(torch.zeros(out_channels)) if kernel else None
        if up or down:
            taps = torch.tensor(filter, dtype=torch.float32)
            self.register_buffer("resample_filter", (taps.outer(taps) / taps.sum() ** 2)[None, None])

    def forward(self, x: Tensor) -> Tensor:
        functional = nn.functional
        pad = self.kernel // 2
        if not (self.up or self.down):
            return functional.conv2d(x, self._weight, self.bias, padding=pad)
        taps = self.resample_filter
        assert isinstance(taps, Tensor)
        around = (taps.shape[-1] - 1) // 2
        if self.fused and self.down:
            x = functional.conv2d(x, self._weight, padding=pad + around)
            x = functional.conv2d(x, taps.tile(x.shape[1], 1, 1, 1), groups=x.shape[1], stride=2)
            return x if self.bias is None else x + self.bias[:, None, None]
        channels = x.shape[1]
        if self.up:
            weight = (4 * taps).tile(channels, 1, 1, 1)
            x = functional.conv_transpose2d(x, weight, groups=channels, stride=2, padding=around)
        else:
            x = functional.conv2d(x, taps.tile(channels, 1, 1, 1), groups=channels, stride=2, padding=around)
        return functional.conv2d(x, self._weight, self.bias, padding=pad) if self.kernel else x

    @property
    def _weight(self) -> Tensor:
        assert self.weight is not None
        return self.weight


def group_norm(channels: int, eps: float) -> nn.GroupNorm:
    """At least four channels in each of at most 32 groups."""
    return nn.GroupNorm(min(32, channels // 4), channels, eps=eps)


class Block(nn.Module):
    """Two convolutions with the embedded noise level between them, and attention."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        config: EdmConfig,
        up: bool = False,
        down: bool = False,
        attention: bool = False,
    ) -> None:
        super().__init__()
        song = config.song
        eps = 1e-6 if song else 1e-5
        filter = config.resample_filter
        self.in_channels, self.out_channels = channels, out_channels
        self.adaptive, self.skip_scale = not song, math.sqrt(0.5) if song else 1.0
        self.heads = 0 if not attention else 1 if song else out_channels // 64
        self.norm0 = group_norm(channels, eps)
        self.conv0 = Conv(channels, out_channels, 3, filter, up, down)
        self.affine = nn.Linear(config.model_channels * config.channel_mult_emb, out_channels * (1 if song else 2))
        self.norm1 = group_norm(out_channels, eps)
        self.conv1 = Conv(out_channels, out_channels, 3)
        self.skip = None
        if out_channels != channels or up or down:
            kernel = 1 if song or out_channels != channels else 0
            self.skip = Conv(channels, out_channels, kernel, filter, up, down)
        if self.heads:
            self.norm2 = group_norm(out_channels, eps)
            self.qkv = Conv(out_channels, 3 * out_channels, 1)
            self.proj = Conv(out_channels, out_channels, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        silu = nn.functional.silu
        h = self.conv0(silu(self.norm0(x)))
        parameters = self.affine(embedded)[:, :, None, None]
        if self.adaptive:
            scale, shift = parameters.chunk(2, dim=1)
            h = silu(shift + self.norm1(h) * (scale + 1))
        else:
            h = silu(self.norm1(h + parameters))
        x = (self.conv1(h) + (x if self.skip is None else self.skip(x))) * self.skip_scale
        if self.heads:
            n, _, height, width = x.shape
            # Channels are (head, channel of the head, q k v).
            q, k, v = self.qkv(self.norm2(x)).view(n, self.heads, -1, 3, height * width).unbind(3)
            weights = (q.transpose(-1, -2) @ (k / math.sqrt(k.shape[2]))).softmax(dim=-1)
            out = (v @ weights.transpose(-1, -2)).reshape(x.shape)
            x = (self.proj(out) + x) * self.skip_scale
        return x


class NoiseFeatures(nn.Module):
    """Sines and cosines of the noise level, at fixed frequencies or at random ones that the file holds."""

    def __init__(self, count: int, random: bool, endpoint: bool) -> None:
        super().__init__()
        self.count, self.endpoint = count, endpoint
        if random:
            self.register_buffer("freqs", torch.zeros(count // 2))

    def forward(self, noise: Tensor) -> Tensor:
        freqs = getattr(self, "freqs", None)
        if freqs is None:
            half = self.count // 2
            steps = torch.arange(half, dtype=torch.float32, device=noise.device) / (half - (1 if self.endpoint else 0))
            angles = noise[:, None] * (1 / 10_000) ** steps
        else:
            angles = noise[:, None] * (2 * math.pi * freqs)
        first, second = angles.cos(), angles.sin()
        if self.endpoint:  # SongUNet has the sines first
            first, second = second, first
        return torch.cat((first, second), dim=1)


class EdmUnet(nn.Module):
    """(x (n, C, H, W), c_noise (n,), one-hot labels (n, label_dim) or None) → (n, out_channels, H, W)."""

    def __init__(self, config: EdmConfig) -> None:
        super().__init__()
        self.config = config
        width, song, label_dim = config.model_channels, config.song, config.label_dim
        embedding, noise = width * config.channel_mult_emb, width * config.channel_mult_noise
        self.map_noise = NoiseFeatures(noise, config.embedding_type == "fourier", endpoint=song)
        self.map_label = nn.Linear(label_dim, noise if song else embedding, bias=song) if label_dim else None
        if config.augment_dim:
            self.map_augment = nn.Linear(config.augment_dim, noise, bias=False)  # for training alone
        self.map_layer0, self.map_layer1 = nn.Linear(noise, embedding), nn.Linear(embedding, embedding)
        self.enc = nn.ModuleDict()
        self.dec = nn.ModuleDict()
        channels = self._build(config)
        if not song:
            self.out_norm = group_norm(channels, 1e-5)
            self.out_conv = Conv(channels, config.out_channels, 3)

    def _build(self, config: EdmConfig) -> int:
        """Fill enc and dec. Returns the number of channels at the end."""
        filter, song = config.resample_filter, config.song
        channels = aux = config.in_channels
        skips: list[int] = []
        levels = list(enumerate(config.channel_mult))
        for level, mult in levels:
            res = config.img_resolution >> level
            at = f"{res}x{res}"
            if level == 0:
                first = config.model_channels * (1 if song else mult)
                self.enc[f"{at}_conv"] = Conv(channels, first, 3)
                channels = first
            else:
                self.enc[f"{at}_down"] = Block(channels, channels, config, down=True)
                if config.encoder_type == "skip":
                    self.enc[f"{at}_aux_down"] = Conv(aux, aux, 0, filter, down=True)
                    self.enc[f"{at}_aux_skip"] = Conv(aux, channels, 1)
                elif config.encoder_type == "residual":
                    self.enc[f"{at}_aux_residual"] = Conv(aux, channels, 3, filter, down=True, fused=True)
                    aux = channels
            skips.append(channels)
            for i in range(config.num_blocks):
                attention = res in config.attn_resolutions
                self.enc[f"{at}_block{i}"] = Block(channels, config.model_channels * mult, config, attention=attention)
                channels = config.model_channels * mult
                skips.append(channels)
        for level, mult in reversed(levels):
            res = config.img_resolution >> level
            at, deepest = f"{res}x{res}", level == len(levels) - 1
            if deepest:
                self.dec[f"{at}_in0"] = Block(channels, channels, config, attention=True)
                self.dec[f"{at}_in1"] = Block(channels, channels, config)
            else:
                self.dec[f"{at}_up"] = Block(channels, channels, config, up=True)
            for i in range(config.num_blocks + 1):
                attention = res in config.attn_resolutions and (not song or i == config.num_blocks)
                out = config.model_channels * mult
                self.dec[f"{at}_block{i}"] = Block(channels + skips.pop(), out, config, attention=attention)
                channels = out
            if song and (config.decoder_type == "skip" or level == 0):
                if config.decoder_type == "skip" and not deepest:
                    self.dec[f"{at}_aux_up"] = Conv(config.out_channels, config.out_channels, 0, filter, up=True)
                self.dec[f"{at}_aux_norm"] = group_norm(channels, 1e-6)
                self.dec[f"{at}_aux_conv"] = Conv(channels, config.out_channels, 3)
        return channels

    def embed(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """What every block is told, (n, embedding): noise level and labels. SongUNet adds the labels before the layers,
        DhariwalUNet after them."""
        silu, song = nn.functional.silu, self.config.song
        embedded = self.map_noise(noise)
        if self.map_label is not None and song and labels is not None:
            embedded = embedded + self.map_label(labels * math.sqrt(self.config.label_dim))
        embedded = self.map_layer1(silu(self.map_layer0(embedded)))
        if self.map_label is not None and not song and labels is not None:
            embedded = embedded + self.map_label(labels)
        result: Tensor = silu(embedded)
        return result

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        embedded = self.embed(noise, labels)
        skips: list[Tensor] = []
        aux: Any = x
        for name, block in self.enc.items():
            if "aux_down" in name:
                aux = block(aux)
            elif "aux_skip" in name:
                x = skips[-1] = x + block(aux)
            elif "aux_residual" in name:
                x = skips[-1] = aux = (x + block(aux)) / math.sqrt(2)
            else:
                x = block(x, embedded) if isinstance(block, Block) else block(x)
                skips.append(x)
        aux, normed = None, x
        for name, block in self.dec.items():
            if "aux_up" in name:
                aux = block(aux)
            elif "aux_norm" in name:
                normed = block(x)
            elif "aux_conv" in name:
                made = block(nn.functional.silu(normed))
                aux = made if aux is None else made + aux
            else:
                if x.shape[1] != block.in_channels:
                    x = torch.cat((x, skips.pop()), dim=1)
                x = block(x, embedded)
        result: Tensor = aux if self.config.song else self.out_conv(nn.functional.silu(self.out_norm(x)))
        return result
