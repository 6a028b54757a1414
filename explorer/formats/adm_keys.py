"""What a U-Net of the ADM family is made of, read off the names and shapes of its weights.

The one thing that does not show in them is the number of attention heads; `heads` says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.heads import Heads, check_heads
from explorer.formats.references import TensorRef

if TYPE_CHECKING:  # facts are read without torch
    from explorer.networks.adm_unet import AdmConfig

SIGNS = ("time_embed.0.weight", "input_blocks.0.0.weight", "middle_block.0.in_layers.0.weight", "out.2.weight")
MAX_BLOCKS = 200


@dataclass(frozen=True)
class AdmKeys:
    """Names and shapes of one U-Net. mults: channels of each level over those of the time features."""

    shapes: Mapping[str, tuple[int, ...]]
    levels: int
    num_res_blocks: int
    mults: tuple[float, ...]
    resblock_updown: bool

    @property
    def in_channels(self) -> int:
        return self.shapes["input_blocks.0.0.weight"][1]

    @property
    def out_channels(self) -> int:
        return self.shapes["out.2.weight"][0]

    @property
    def features(self) -> int:
        return self.shapes["time_embed.0.weight"][1]

    @property
    def classes(self) -> int:
        return self.shapes["label_emb.weight"][0] if "label_emb.weight" in self.shapes else 0

    @property
    def scale_shift(self) -> bool:
        """True where the time scales and shifts features."""
        block = "middle_block.0"
        return self.shapes[f"{block}.emb_layers.1.weight"][0] == 2 * self.shapes[f"{block}.out_layers.3.weight"][0]

    @property
    def context(self) -> int | None:
        """Width of the tokens that the transformers look at; None where there are none."""
        for name, shape in self.shapes.items():
            if name.endswith("attn2.to_k.weight"):
                return shape[1]
        return None

    def check_heads(self, heads: Heads) -> None:
        """Raises ModelError where they do not divide the channels of an attention."""
        for name, shape in self.shapes.items():
            if name.endswith((".qkv.weight", ".attn1.to_q.weight")):
                check_heads(heads, shape[1])

    def config(
        self, heads: Callable[[int], int], new_order: bool = False, tokens: tuple[int, int] | None = None
    ) -> AdmConfig:
        """heads: channels → number of heads. tokens: (classes, width) of the table that labels are looked up in."""
        from explorer.networks.adm_unet import AdmConfig

        downs = {(level + 1) * (self.num_res_blocks + 1) for level in range(self.levels - 1)}
        inputs = [
            self._stage(f"input_blocks.{i}", heads, new_order, "down" if i in downs else "")
            for i in range(self._count("input_blocks"))
        ]
        outputs = [
            self._stage(f"output_blocks.{i}", heads, new_order, "up") for i in range(self._count("output_blocks"))
        ]
        return AdmConfig(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            features=self.features,
            embedding=self.shapes["time_embed.0.weight"][0],
            inputs=tuple(inputs),
            middle=self._stage("middle_block", heads, new_order, ""),
            outputs=tuple(outputs),
            classes=self.classes,
            tokens=tokens,
        )

    def _count(self, blocks: str) -> int:
        return 1 + max(int(name.split(".")[1]) for name in self.shapes if name.startswith(f"{blocks}."))

    def _stage(self, prefix: str, heads: Callable[[int], int], new_order: bool, resample: Any) -> tuple[Any, ...]:
        """resample: what a residual block does to the picture, where it is the one that changes its size: the first
        of a stage on the way down, one that follows another on the way up."""
        from explorer.networks.adm_unet import Convolution, Residual, SelfAttention, Transformer

        layers: list[Any] = []
        shapes = self.shapes
        while True:
            name = f"{prefix}.{len(layers)}"
            if f"{name}.in_layers.0.weight" in shapes:
                width = shapes[f"{name}.out_layers.3.weight"][0]
                changes = bool(layers) if resample == "up" else True
                scale_shift = shapes[f"{name}.emb_layers.1.weight"][0] == 2 * width
                changed: Any = resample if changes and self.resblock_updown else ""
                layers.append(Residual(shapes[f"{name}.in_layers.0.weight"][0], width, scale_shift, changed))
            elif f"{name}.qkv.weight" in shapes:
                channels = shapes[f"{name}.norm.weight"][0]
                layers.append(SelfAttention(channels, heads(channels), new_order))
            elif f"{name}.proj_in.weight" in shapes:
                inner, channels, *_ = shapes[f"{name}.proj_in.weight"]
                depth = sum(f"{name}.transformer_blocks.{i}.norm1.weight" in shapes for i in range(MAX_BLOCKS))
                context = shapes[f"{name}.transformer_blocks.0.attn2.to_k.weight"][1]
                layers.append(Transformer(channels, inner, heads(channels), depth, context))
            elif f"{name}.op.weight" in shapes:
                width, channels, *_ = shapes[f"{name}.op.weight"]
                layers.append(Convolution(channels, width, "down"))
            elif f"{name}.conv.weight" in shapes:
                width, channels, *_ = shapes[f"{name}.conv.weight"]
                layers.append(Convolution(channels, width, "up"))
            elif f"{name}.weight" in shapes:
                width, channels, *_ = shapes[f"{name}.weight"]
                layers.append(Convolution(channels, width))
            else:
                return tuple(layers)


def prefixes(tensors: Mapping[str, TensorRef]) -> list[str]:
    """What stands before the names of each U-Net of this family in a table."""
    found = [name.removesuffix(SIGNS[0]) for name in tensors if name.endswith(SIGNS[0])]
    return [prefix for prefix in found if all(prefix + sign in tensors for sign in SIGNS)]


def read_keys(tensors: Mapping[str, TensorRef]) -> AdmKeys:
    """The U-Net of these weights. Raises ModelError for one that lacks parts."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        ups = sorted({int(match[1]) for name in shapes if (match := _UP.match(name))})
        inputs, blocks = (
            1 + max((int(name.split(".")[1]) for name in shapes if name.startswith(f"{way}_blocks.")), default=-1)
            for way in ("input", "output")
        )
        if not blocks > 0:
            raise ModelError("The file's U-Net has no way up: it may be a classifier.")
        if max(inputs, blocks) > MAX_BLOCKS:
            raise ModelError("The file describes more blocks than any network has, so it was not opened.")
        num_res_blocks = ups[0] if ups else blocks - 1
        levels = len(ups) + 1
        features = shapes["time_embed.0.weight"][1]
        lasts = [blocks - 1 - level * (num_res_blocks + 1) for level in range(levels)]
        widths = [shapes[f"output_blocks.{last}.0.out_layers.3.weight"][0] for last in lasts]
        updown = levels > 1 and not any(name.endswith(".op.weight") for name in shapes)
        return AdmKeys(shapes, levels, num_res_blocks, tuple(width / features for width in widths), updown)
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(f"The file's U-Net is not whole, or of another kind: {error}.") from error


_UP = re.compile(r"output_blocks\.(\d+)\.(?:[1-9]\.in_layers\.0|\d\.conv)\.weight")
"""The layer that doubles the picture: a convolution, or a second residual block."""
