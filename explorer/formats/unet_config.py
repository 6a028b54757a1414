"""The configuration of diffusers' UNet2DModel, checked against stated limits before anything is built of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.facts import ModelError
from explorer.formats.context import Context
from explorer.formats.fields import Fields, short
from explorer.formats.network_fields import MAX_LEVELS, Limits, read_arguments, sample_size

CLASS_NAME = "UNet2DModel"
MAX_CLASSES = 100_000

_INTEGERS = {
    "in_channels": (1, 64),
    "out_channels": (1, 128),
    "time_embedding_dim": (1, 65_536),
    "layers_per_block": (1, 16),
    "downsample_padding": (0, 1),
    "attention_head_dim": (1, 8192),
    "norm_num_groups": (1, 8192),
    "attn_norm_num_groups": (1, 8192),
    "num_class_embeds": (1, MAX_CLASSES),
    "num_train_timesteps": (1, 100_000),
}
_NUMBERS = {
    "freq_shift": (-1000.0, 1000.0),
    "mid_block_scale_factor": (1e-6, 1e6),
    "dropout": (0.0, 1.0),
    "norm_eps": (0.0, 1.0),
}
_BOOLEANS = ("center_input_sample", "flip_sin_to_cos", "add_attention")
_CHOICES = {
    "time_embedding_type": ("positional", "fourier", "learned"),
    "mid_block_type": ("UNetMidBlock2D",),
    "downsample_type": ("conv", "resnet"),
    "upsample_type": ("conv", "resnet"),
    "act_fn": ("swish", "silu", "mish", "gelu", "relu"),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "class_embed_type": ("timestep",),
}
_DOWN = ("DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D", "SkipDownBlock2D", "AttnSkipDownBlock2D")
_UP = ("UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D", "SkipUpBlock2D", "AttnSkipUpBlock2D")
_DEFAULT_DOWN = ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D")
_DEFAULT_UP = ("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D")
_PREFIX = "UNetRes"  # of the block names in the first releases of diffusers
_LIMITS = Limits(
    _INTEGERS,
    _NUMBERS,
    _BOOLEANS,
    _CHOICES,
    {
        "down_block_types": (*_DOWN, *(_PREFIX + name for name in _DOWN)),
        "up_block_types": (*_UP, *(_PREFIX + name for name in _UP)),
    },
    when_null=("attention_head_dim", "mid_block_type"),
)


@dataclass(frozen=True)
class AddedInput:
    """What a network is told beside time and words: a whole text as `pooled` numbers, and the picture's sizes."""

    pooled: int


@dataclass(frozen=True)
class NetworkConfig:
    """class_name, arguments: for class_name(**arguments). shape: one picture, (C, H, W). embeddings: number of labels,
    the null label included, 0 for none, None where any number is a label. learned_variance: the output's second
    half of channels is a variance. learned_times: number of time embeddings, where these are a table."""

    class_name: str
    arguments: dict[str, Any]
    shape: tuple[int, int, int]
    embeddings: int | None
    learned_variance: bool
    learned_times: int | None
    fourier: bool = False
    """The network embeds the logarithm of what it is told, and divides its output by it."""
    null_label: int | None = None
    """The network's own label for "no label"."""
    text_width: int | None = None
    """Of the embeddings of words that it is led by, for a network that reads text."""
    added: AddedInput | None = None


def read_unet_config(fields: Fields, where: str, context: Context) -> NetworkConfig:
    """where: the file's name in the model's folder. Raises ModelError for what is not a network of pictures that
    can be built. Keys that UNet2DModel does not have are left out."""
    name = fields.values.get("_class_name", CLASS_NAME)
    if name != CLASS_NAME:
        raise ModelError(f"{fields.label} describes a {short(name)}: of diffusers' networks only {CLASS_NAME} is read.")
    arguments = _arguments(fields)
    channels = arguments.get("in_channels", 3)
    out_channels = arguments.get("out_channels", 3)
    if out_channels not in (channels, 2 * channels):
        raise ModelError(
            f"{fields.label} describes a network from {channels} to {out_channels} channels: only networks with as "
            "many channels out as in, or twice as many (learned variance), can be opened."
        )
    levels = len(arguments.get("block_out_channels", (0,) * 4))
    narrowest, head = _narrowest_attention(arguments), arguments.get("attention_head_dim", 8)
    if narrowest is not None and head is not None and head > narrowest:
        raise ModelError(
            f"{fields.label} cannot work: attention over {narrowest} channels has no room for heads of {head} "
            "(attention_head_dim)."
        )
    if arguments.get("time_embedding_type") == "learned" and "num_train_timesteps" not in arguments:
        raise ModelError(f"{fields.label} has a table of time embeddings but does not give num_train_timesteps.")
    context.evidence.add("network", CLASS_NAME, "file", where)
    shape = context.shape(channels, sample_size(fields, where, context), multiple=2 ** (levels - 1))
    by_number = arguments.get("class_embed_type") == "timestep"
    return NetworkConfig(
        class_name=CLASS_NAME,
        arguments=arguments,
        shape=shape,
        embeddings=arguments.get("num_class_embeds", None if by_number else 0),
        learned_variance=out_channels == 2 * channels,
        learned_times=arguments["num_train_timesteps"] if arguments.get("time_embedding_type") == "learned" else None,
        fourier=arguments.get("time_embedding_type") == "fourier",
    )


def _arguments(fields: Fields) -> dict[str, Any]:
    widths = fields.integers("block_out_channels", 1, 8192, MAX_LEVELS)
    return read_arguments(fields, _LIMITS) | ({} if widths is None else {"block_out_channels": widths})


def _narrowest_attention(arguments: dict[str, Any]) -> int | None:
    """The smallest number of channels that any attention works on."""
    channels = arguments.get("block_out_channels", (224, 448, 672, 896))
    down, up = arguments.get("down_block_types", _DEFAULT_DOWN), arguments.get("up_block_types", _DEFAULT_UP)
    levels = [*zip(down, channels, strict=False), *zip(up, reversed(channels), strict=False)]
    widths = [width for name, width in levels if "Attn" in name]
    if arguments.get("mid_block_type", "") is not None and arguments.get("add_attention", True):
        widths.append(channels[-1])
    return min(widths, default=None)
