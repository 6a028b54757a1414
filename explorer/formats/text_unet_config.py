"""The configuration of diffusers' UNet2DConditionModel, as Stable Diffusion 1, 2 and XL have it: led by text alone.

That of XL is also told a text as a whole, and six sizes: those of the picture that it learned from, where that was cut,
and what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.facts import ModelError
from explorer.formats.context import Context
from explorer.formats.fields import Fields
from explorer.formats.network_fields import MAX_LEVELS, Limits, one_or_each, read_arguments, sample_size
from explorer.formats.unet_config import AddedInput, NetworkConfig

CLASS_NAME = "UNet2DConditionModel"
_DOWN = ("CrossAttnDownBlock2D", "DownBlock2D", "AttnDownBlock2D", "SimpleCrossAttnDownBlock2D")
_UP = ("CrossAttnUpBlock2D", "UpBlock2D", "AttnUpBlock2D", "SimpleCrossAttnUpBlock2D")
_NONE = (
    "encoder_hid_dim",
    "encoder_hid_dim_type",
    "class_embed_type",
    "num_class_embeds",
    "time_embedding_act_fn",
    "timestep_post_act",
    "time_cond_proj_dim",
    "cross_attention_norm",
    "reverse_transformer_layers_per_block",
)
"""Arguments of networks that are told more."""
SIZES = 6
"""Numbers that a network of Stable Diffusion XL is told."""
_LIMITS = Limits(
    integers={
        "in_channels": (1, 64),
        "out_channels": (1, 128),
        "downsample_padding": (0, 1),
        "norm_num_groups": (1, 8192),
        "cross_attention_dim": (1, 65_536),
        "time_embedding_dim": (1, 65_536),
        "conv_in_kernel": (1, 15),
        "conv_out_kernel": (1, 15),
        "addition_time_embed_dim": (2, 8192),
        "projection_class_embeddings_input_dim": (1, 65_536),
    },
    numbers={
        "freq_shift": (-1000.0, 1000.0),
        "mid_block_scale_factor": (1e-6, 1e6),
        "dropout": (0.0, 1.0),
        "norm_eps": (0.0, 1.0),
        "resnet_out_scale_factor": (1e-6, 1e6),
    },
    booleans=(
        "center_input_sample",
        "flip_sin_to_cos",
        "only_cross_attention",
        "dual_cross_attention",
        "use_linear_projection",
        "upcast_attention",
        "resnet_skip_time_act",
        "mid_block_only_cross_attention",
    ),
    choices={
        "addition_embed_type": ("text_time",),
        "mid_block_type": ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", "UNetMidBlock2DSimpleCrossAttn"),
        "act_fn": ("swish", "silu", "mish", "gelu", "relu"),
        "resnet_time_scale_shift": ("default", "scale_shift"),
    },
    levels={"down_block_types": _DOWN, "up_block_types": _UP},
    plain={
        **dict.fromkeys(_NONE, ()),
        "class_embeddings_concat": (False,),
        "time_embedding_type": ("positional",),
        "attention_type": ("default",),
    },
    when_null=("mid_block_type",),
)


def read_text_unet_config(fields: Fields, where: str, context: Context) -> NetworkConfig:
    """where: the file's name in the model's folder. Raises ModelError for a network that is told more than text."""
    arguments: dict[str, Any] = read_arguments(fields, _LIMITS)
    each = {
        "block_out_channels": fields.integers("block_out_channels", 1, 8192, MAX_LEVELS),
        **{
            key: one_or_each(fields, key, 1, most)
            for key, most in (
                ("layers_per_block", 16),
                ("attention_head_dim", 8192),
                ("num_attention_heads", 1024),
                ("transformer_layers_per_block", 64),
            )
        },
    }
    arguments |= {key: value for key, value in each.items() if value is not None}
    channels, out_channels = arguments.get("in_channels", 4), arguments.get("out_channels", 4)
    if channels != out_channels:
        raise ModelError(
            f"{fields.label} describes a network from {channels} to {out_channels} channels: one that is also given a "
            "picture or a mask, which is not read."
        )
    levels = len(arguments.get("block_out_channels", (0,) * 4))
    context.evidence.add("network", CLASS_NAME, "file", where)
    shape = context.shape(channels, sample_size(fields, where, context), (64, 64), 2 ** (levels - 1))
    return NetworkConfig(
        class_name=CLASS_NAME,
        arguments={**arguments, "sample_size": shape[1:]},
        shape=shape,
        embeddings=0,
        learned_variance=False,
        learned_times=None,
        text_width=arguments.get("cross_attention_dim", 1280),
        added=_added(fields, arguments),
    )


def _added(fields: Fields, arguments: Mapping[str, Any]) -> AddedInput | None:
    """Raises ModelError for a network that is told something else."""
    if "addition_embed_type" not in arguments:
        return None
    width = arguments.get("projection_class_embeddings_input_dim", 0)
    each = arguments.get("addition_time_embed_dim", 0)
    pooled = width - SIZES * each
    if pooled < 1 or not each:
        raise ModelError(
            f"{fields.label} describes a network that is told other numbers than a text and {SIZES} sizes, "
            "as those that refine pictures are, which is not read."
        )
    return AddedInput(pooled)
