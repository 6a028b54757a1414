"""The U-Net in single files of Stable Diffusion as diffusers' UNet2DConditionModel.

Its sizes are read off the shapes of its weights. Names are translated by diffusers itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.facts import ModelError
from explorer.formats.adm_keys import MAX_BLOCKS, AdmKeys
from explorer.formats.compvis_file import PREFIX
from explorer.formats.heads import Heads
from explorer.formats.references import TensorRef
from explorer.formats.unet_config import AddedInput, NetworkConfig

CLASS_NAME = "UNet2DConditionModel"
ADDED = "label_emb.0.0.weight"
"""What takes in the text as a whole and the sizes, in Stable Diffusion XL."""
SIZES = 6


def linear(keys: AdmKeys) -> bool:
    """Whether features go into a transformer by a matrix, as since Stable Diffusion 2, and not by a convolution."""
    return any(name.endswith(".1.proj_in.weight") and len(shape) == 2 for name, shape in keys.shapes.items())


def unet_config(keys: AdmKeys, size: tuple[int, int], pooled: int, heads: Heads) -> NetworkConfig:
    """pooled: numbers of a text as a whole, 0 where there are none.

    Raises ModelError for a network that is told something else, or cannot be built here.
    """
    if keys.resblock_updown or keys.scale_shift:
        raise ModelError("The file's U-Net is not built as Stable Diffusion's are, and is not read.")
    widths = [round(mult * keys.features) for mult in keys.mults]
    firsts = [1 + level * (keys.num_res_blocks + 1) for level in range(keys.levels)]
    depths = [_depth(keys, f"input_blocks.{first}.1") for first in firsts]
    middle = _depth(keys, "middle_block.1")
    if depths[-1] not in (0, middle) or not middle:
        raise ModelError("The file's U-Net has transformers in an order that is not read.")
    each = [heads.of(width) for width in widths]
    arguments: dict[str, Any] = {
        "sample_size": size,
        "in_channels": keys.in_channels,
        "out_channels": keys.out_channels,
        "block_out_channels": tuple(widths),
        "layers_per_block": keys.num_res_blocks,
        "down_block_types": tuple("CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths),
        "up_block_types": tuple("CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)),
        "transformer_layers_per_block": (*(depth or 1 for depth in depths[:-1]), middle),
        "attention_head_dim": tuple(each),  # which is their number, in this class
        "cross_attention_dim": keys.context,
        "use_linear_projection": linear(keys),
    }
    if pooled:
        told, rest = divmod(keys.shapes[ADDED][1] - pooled, SIZES)
        if rest or told < 2 or told % 2:
            raise ModelError(
                "The file's U-Net is told other numbers than a text and six sizes, as those that refine pictures are, "
                "which is not read."
            )
        arguments |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": told,
            "projection_class_embeddings_input_dim": keys.shapes[ADDED][1],
        }
    return NetworkConfig(
        class_name=CLASS_NAME,
        arguments=arguments,
        shape=(keys.in_channels, *size),
        embeddings=0,
        learned_variance=False,
        learned_times=None,
        text_width=keys.context,
        added=AddedInput(pooled) if pooled else None,
    )


def translate(tensors: Mapping[str, TensorRef], config: NetworkConfig, name: str) -> dict[str, TensorRef]:
    """The weights by diffusers' names. name: of the file. Raises ModelError for some that diffusers does not know."""
    from explorer.formats.diffusers_import import import_lightly

    library: Any = import_lightly("diffusers.loaders.single_file_utils")
    # Given the names themselves in place of weights, it says which is which.
    renamed: dict[str, str] = library.convert_ldm_unet_checkpoint(
        {PREFIX + old: old for old in tensors}, config.arguments
    )
    unknown = tensors.keys() - set(renamed.values())
    if unknown:
        first = min(unknown)
        raise ModelError(f"{name} holds weights that are not Stable Diffusion's (first {first[:80]}).")
    return {new: tensors[old] for new, old in renamed.items()}


def _depth(keys: AdmKeys, place: str) -> int:
    """Layers of a transformer, 0 where there is none."""
    return sum(f"{place}.transformer_blocks.{i}.norm1.weight" in keys.shapes for i in range(MAX_BLOCKS))
