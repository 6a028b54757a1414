"""CompVis' autoencoders (Rombach et al. 2022), as they lie in latent diffusion checkpoints and in files of their own.

They are diffusers' AutoencoderKL and VQModel by other names: what they are made of is read off the shapes of their
weights, and the weights are renamed. Levels of the decoder are counted from the finest one on, in diffusers from the
coarsest; queries, keys and values are 1×1 convolutions, there matrices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from explorer.facts import ModelError
from explorer.formats.autoencoder_config import AutoencoderConfig
from explorer.formats.references import TensorRef

SIGNS = ("encoder.conv_in.weight", "encoder.mid.block_1.norm1.weight", "decoder.conv_in.weight", "quant_conv.weight")
CODES = "quantize.embedding.weight"
GROUPS = 32
MAX_LEVELS, MAX_BLOCKS = 12, 16
_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.", CODES)
"""What belongs to the autoencoder; losses and averages of training lie beside it."""


def autoencoder_in(tensors: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """The weights of an autoencoder among `tensors`, {} where there is none."""
    found = {name: tensor for name, tensor in tensors.items() if name.startswith(_PARTS)}
    return found if all(sign in found for sign in SIGNS) else {}


def read_keys(tensors: Mapping[str, TensorRef], scaling: float) -> AutoencoderConfig:
    """scaling: what latents are multiplied with. Raises ModelError for an autoencoder of another kind."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        levels, blocks = _count(shapes, "encoder.down", MAX_LEVELS), _count(shapes, "encoder.down.0.block", MAX_BLOCKS)
        widths = tuple(shapes[f"encoder.down.{level}.block.{blocks - 1}.conv2.weight"][0] for level in range(levels))
        quantised = CODES in shapes
        latent_channels, channels = shapes["decoder.conv_in.weight"][1], shapes["encoder.conv_in.weight"][1]
        embedded = shapes["post_quant_conv.weight"][1]
        if not quantised and embedded != latent_channels:
            raise ModelError(f"its latents have {embedded} channels, and {latent_channels} inside")
        if any(".qkv." in name or ".to_qkv." in name for name in shapes):
            raise ModelError("its attention is linear")
        arguments: dict[str, Any] = {
            "in_channels": channels,
            "out_channels": shapes["decoder.conv_out.weight"][0],
            "block_out_channels": widths,
            "layers_per_block": blocks,
            "latent_channels": latent_channels,
            "norm_num_groups": GROUPS,
            "down_block_types": tuple(
                "AttnDownEncoderBlock2D" if f"encoder.down.{level}.attn.0.q.weight" in shapes else "DownEncoderBlock2D"
                for level in range(levels)
            ),
            "up_block_types": tuple(
                "AttnUpDecoderBlock2D" if f"decoder.up.{level}.attn.0.q.weight" in shapes else "UpDecoderBlock2D"
                for level in reversed(range(levels))
            ),
            "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in shapes,
        }
        if quantised:
            codes, width = shapes[CODES]
            arguments |= {"num_vq_embeddings": codes, "vq_embed_dim": width}
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(f"{error} is missing or of another shape") from error
    if channels not in (1, 3) or arguments["out_channels"] != channels:
        raise ModelError("it is not for grey or RGB pictures")
    return AutoencoderConfig(
        class_name="VQModel" if quantised else "AutoencoderKL",
        arguments=arguments,
        scaling=scaling,
        shift=0.0,
        channels=channels,
        latent_channels=embedded,
        factor=2 ** (levels - 1),
    )


def translate(tensors: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """The weights by diffusers' names."""
    levels = _count({name: tensor.shape for name, tensor in tensors.items()}, "encoder.down", MAX_LEVELS)
    found = {}
    for name, tensor in tensors.items():
        new = _renamed(name, levels)
        square = _ATTENTION.search(name) is not None and name.endswith(".weight") and len(tensor.shape) == 4
        found[new] = replace(tensor, shape=tensor.shape[:2], strides=tensor.strides[:2]) if square else tensor
    return found


_ATTENTION = re.compile(r"\.(?:attn\.\d+|attn_1)\.(?:q|k|v|proj_out)\.")
_IN_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_MIDDLE = {"block_1": "resnets.0", "attn_1": "attentions.0", "block_2": "resnets.1"}
_RESAMPLING = {"downsample": "downsamplers.0", "upsample": "upsamplers.0"}


def _renamed(name: str, levels: int) -> str:
    name = name.replace(".nin_shortcut.", ".conv_shortcut.").replace("coder.norm_out.", "coder.conv_norm_out.")
    side, *path = name.split(".")
    if path and path[0] == "mid" and len(path) > 2 and path[1] in _MIDDLE:
        place, rest = f"mid_block.{_MIDDLE[path[1]]}", path[2:]
        attention = path[1] == "attn_1"
    elif len(path) > 3 and path[0] in ("down", "up") and path[1].isdecimal():
        level = int(path[1]) if path[0] == "down" else levels - 1 - int(path[1])
        if path[2] in _RESAMPLING:
            return f"{side}.{path[0]}_blocks.{level}.{_RESAMPLING[path[2]]}.{'.'.join(path[3:])}"
        attention = path[2] == "attn"
        place, rest = f"{path[0]}_blocks.{level}.{'attentions' if attention else 'resnets'}.{path[3]}", path[4:]
    else:
        return name
    if attention and rest:
        rest = [_IN_ATTENTION.get(rest[0], rest[0]), *rest[1:]]
    return f"{side}.{place}.{'.'.join(rest)}"


def _count(shapes: Mapping[str, tuple[int, ...]], prefix: str, most: int) -> int:
    """How many there are of PREFIX.0, PREFIX.1, … Raises ModelError for none, and for absurdly many."""
    numbers = {name.removeprefix(f"{prefix}.").partition(".")[0] for name in shapes if name.startswith(f"{prefix}.")}
    if not numbers or len(numbers) > most or numbers != {str(n) for n in range(len(numbers))}:
        raise ModelError(f"{prefix} is not whole")
    return len(numbers)
