"""The U-Net of Ho et al. 2020 as the arguments of diffusers' UNet2DModel: what several programs made files of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def ho_unet(
    in_channels: int, out_channels: int, widths: Sequence[int], blocks: int, attention: Sequence[bool]
) -> dict[str, Any]:
    """All but `sample_size`. widths, attention: by level, the finest first. blocks: residual blocks of a level."""
    return {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "block_out_channels": list(widths),
        "layers_per_block": blocks,
        "down_block_types": ["AttnDownBlock2D" if here else "DownBlock2D" for here in attention],
        "up_block_types": ["AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attention)],
        "flip_sin_to_cos": False,
        "freq_shift": 1,
        "downsample_padding": 0,
        "attention_head_dim": None,
        "norm_eps": 1e-6,
    }
