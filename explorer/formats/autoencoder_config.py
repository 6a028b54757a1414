"""The configuration of the autoencoder beside a latent model: diffusers' AutoencoderKL or VQModel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.facts import ModelError
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, short
from explorer.formats.network_fields import MAX_LEVELS, MAX_SIDE, Limits, read_arguments

CLASS_NAMES = ("AutoencoderKL", "VQModel")
_SHARED = {
    "in_channels": (1, 16),
    "out_channels": (1, 16),
    "layers_per_block": (1, 16),
    "latent_channels": (1, 64),
    "norm_num_groups": (1, 8192),
}
_LEVELS = {
    "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
}
_ACTIVATIONS = {"act_fn": ("silu", "swish", "mish", "gelu", "relu")}
_LIMITS = {
    "AutoencoderKL": Limits(
        _SHARED,
        booleans=("use_quant_conv", "use_post_quant_conv", "mid_block_add_attention"),
        choices=_ACTIVATIONS,
        levels=_LEVELS,
        plain={"latents_mean": (), "latents_std": ()},
    ),
    "VQModel": Limits(
        {**_SHARED, "num_vq_embeddings": (1, 1_000_000), "vq_embed_dim": (1, 1024)},
        booleans=("mid_block_add_attention",),
        choices={**_ACTIVATIONS, "norm_type": ("group", "spatial")},
        levels=_LEVELS,
        plain={"lookup_from_codebook": (False,)},
    ),
}


@dataclass(frozen=True)
class AutoencoderConfig:
    """latents = (encoded − shift) · scaling, with one number for all channels or one for each. factor: the pixels of a
    picture's side for each number of a latent's. unit_range: its pictures are in 0 … 1, not in −1 … 1."""

    class_name: str
    arguments: dict[str, Any]
    scaling: float | tuple[float, ...]
    shift: float | tuple[float, ...]
    channels: int
    latent_channels: int
    factor: int
    unit_range: bool = False

    def picture_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(C, H, W) of the picture that a latent of a shape decodes to."""
        return self.channels, shape[1] * self.factor, shape[2] * self.factor


def read_autoencoder_config(
    fields: Fields, where: str, shape: tuple[int, ...], evidence: Evidence
) -> AutoencoderConfig:
    """shape: of the latents, (C, H, W). Raises ModelError for one that is not read or does not fit the network."""
    name = fields.values.get("_class_name")
    if name not in CLASS_NAMES:
        raise ModelError(f"{fields.label} describes a {short(name)}: only {' and '.join(CLASS_NAMES)} are read.")
    arguments = read_arguments(fields, _LIMITS[name])
    widths = fields.integers("block_out_channels", 1, 8192, MAX_LEVELS) or (64,)
    latent_channels = arguments.get("latent_channels", 4 if name == "AutoencoderKL" else 3)
    if latent_channels != shape[0]:
        raise ModelError(
            f"{fields.label} makes latents of {latent_channels} channels, and the network takes {shape[0]}."
        )
    scaling = fields.number("scaling_factor", 0.18215, 1e-9, 1e9)
    config = AutoencoderConfig(
        class_name=name,
        arguments={**arguments, "block_out_channels": widths},
        scaling=scaling,
        shift=fields.number("shift_factor", 0.0, -1e9, 1e9),
        channels=arguments.get("out_channels", 3),
        latent_channels=latent_channels,
        factor=2 ** (len(widths) - 1),
    )
    channels, height, width = config.picture_shape(shape)
    if arguments.get("in_channels", 3) != channels or channels not in (1, 3):
        raise ModelError(f"{fields.label} does not turn grey or RGB pictures into latents and back.")
    if max(height, width) > MAX_SIDE:
        raise ModelError(f"{fields.label} decodes to {width}×{height} pixels: more than {MAX_SIDE:,} a side.")
    evidence.add("autoencoder", f"{name}, pictures of {channels}×{height}×{width}", "file", where)
    given = "scaling_factor" in fields
    evidence.add("latent scale", f"{scaling:g}", "file" if given else "default", where if given else "diffusers")
    return config
