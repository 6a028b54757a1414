"""The configuration of diffusers' DiTTransformer2DModel, which older releases called Transformer2DModel."""

from __future__ import annotations

from explorer.facts import ModelError
from explorer.formats.context import Context
from explorer.formats.fields import Fields
from explorer.formats.network_fields import Limits, read_arguments, sample_size
from explorer.formats.unet_config import MAX_CLASSES, NetworkConfig

CLASS_NAME = "DiTTransformer2DModel"
CLASS_NAMES = (CLASS_NAME, "Transformer2DModel")
_LIMITS = Limits(
    integers={
        "num_attention_heads": (1, 256),
        "attention_head_dim": (1, 1024),
        "in_channels": (1, 64),
        "out_channels": (1, 128),
        "num_layers": (1, 256),
        "norm_num_groups": (1, 8192),
        "patch_size": (1, 64),
        "num_embeds_ada_norm": (1, MAX_CLASSES),
    },
    numbers={"dropout": (0.0, 1.0), "norm_eps": (0.0, 1.0)},
    booleans=("attention_bias", "upcast_attention", "norm_elementwise_affine"),
    choices={
        "activation_fn": ("gelu-approximate", "gelu", "geglu", "geglu-approximate"),
        "norm_type": ("ada_norm_zero",),
    },
    plain={
        "only_cross_attention": (False,),
        "double_self_attention": (False,),
        "use_linear_projection": (False,),
        "attention_type": ("default",),
    },
)


def read_transformer_config(fields: Fields, where: str, context: Context) -> NetworkConfig:
    """where: the file's name in the model's folder. Raises ModelError for another kind of transformer than DiT."""
    if fields.values.get("norm_type", "ada_norm_zero") != "ada_norm_zero" or fields.values.get("cross_attention_dim"):
        raise ModelError(f"{fields.label} describes a transformer of another kind than DiT, which is not read.")
    arguments = read_arguments(fields, _LIMITS)
    channels = arguments.get("in_channels", 4)
    out_channels = arguments.get("out_channels", channels)
    if out_channels not in (channels, 2 * channels):
        raise ModelError(f"{fields.label} describes a network from {channels} to {out_channels} channels: not read.")
    labels = arguments.get("num_embeds_ada_norm", 1000)
    context.evidence.add("network", CLASS_NAME, "file", where)
    patch = arguments.get("patch_size", 2)
    shape = context.shape(channels, sample_size(fields, where, context), multiple=patch)
    if shape[1] != shape[2]:
        size = f"{shape[1]}×{shape[2]}"
        raise ModelError(f"Pictures of {size} do not fit the network: transformers of this kind take squares.")
    return NetworkConfig(
        class_name=CLASS_NAME,
        arguments={**arguments, "sample_size": shape[1]},
        shape=shape,
        embeddings=labels + 1,
        learned_variance=out_channels == 2 * channels,
        learned_times=None,
        null_label=labels,
    )
