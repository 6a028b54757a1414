"""What k-diffusion's configurations say of its transformers, checked against the weights before any of it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.facts import ModelError
from explorer.formats.fields import Fields, short

TYPES = ("image_transformer_v1", "image_transformer_v2")
SIGNS = ("time_emb.weight", "aug_in_proj.weight", "mapping.in_norm.scale")
KINDS = ("global", "neighborhood", "shifted-window", "none")
SIZES = {"neighborhood": ("kernel_size", 7), "shifted-window": ("window_size", None)}
"""What the size of a kind's windows is called, and the library's default."""
MAX_WIDTH, MAX_DEPTH, MAX_LEVELS, MAX_TOKENS = 16_384, 1000, 12, 16_384
"""Tokens: each may look at every other one."""

Shapes = Mapping[str, tuple[int, ...]]


def read_transformer(model: Fields, classes: int, shapes: Shapes) -> dict[str, Any]:
    """Arguments of KTransformerConfig as plain values. classes: of the data, without the label for none.

    Raises ModelError for impossible ones, and for weights that have other parts.
    """
    first = model.values.get("type") == TYPES[0]
    channels, patch = model.integer("input_channels", None, 1, 64), _patch(model)
    depths, widths = _depths(model, first)
    if not channels or not depths or not widths or len(depths) != len(widths):
        raise _not_whole(model)
    attentions = [{"kind": "global", "size": 0, "head": 64}] if first else _attentions(model, len(widths))
    try:
        # The last layer of each level, so that no more layers are made than the file has.
        last = zip(_places(len(widths), first), depths, strict=True)
        hidden = [shapes[f"{place}.{depth - 1}.ff.up_proj.weight"][0] // 2 for place, depth in last]
        blocks = 0
        while f"mapping.blocks.{blocks}.norm.scale" in shapes:
            blocks += 1
        levels = [
            {"depth": depth, "width": width, "hidden": inside, "attention": attention}
            for depth, width, inside, attention in zip(depths, widths, hidden, attentions, strict=True)
        ]
        found = {
            "first": first,
            "channels": channels,
            "patch": patch,
            "levels": levels,
            "features": shapes["time_in_proj.weight"][0],
            "mapping": blocks,
            "mapping_hidden": shapes["mapping.blocks.0.up_proj.weight"][0] // 2 if blocks else 0,
            "classes": classes + 1 if classes else 0,
            "vector": model.integer("mapping_cond_dim", 0, 0, 100_000),
        }
    except (LookupError, ValueError):
        raise _not_whole(model) from None
    return found


def multiple(arguments: Mapping[str, Any]) -> int:
    """What the sides of pictures must be divisible by."""
    found: int = max(arguments["patch"]) << (len(arguments["levels"]) - 1)
    return found


def _not_whole(model: Fields) -> ModelError:
    kind = model.values.get("type")
    return ModelError(f"{model.label} does not describe the network that is in the file, of the type {short(kind)}.")


def _patch(model: Fields) -> tuple[int, int]:
    if not isinstance(model.values.get("patch_size"), list):
        side = model.integer("patch_size", 1, 1, 64)
        return side, side
    sides = model.integers("patch_size", 1, 64, 2)
    if sides is None or len(sides) != 2:
        raise model.wrong("patch_size", "one number or two")
    return sides[0], sides[1]


def _depths(model: Fields, first: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Depth and width of each level."""
    if first:
        depth, width = model.integer("depth", 0, 1, MAX_DEPTH), model.integer("width", 0, 1, MAX_WIDTH)
        return (depth,) if depth else (), (width,) if width else ()
    depths = model.integers("depths", 1, MAX_DEPTH, MAX_LEVELS)
    return depths or (), model.integers("widths", 1, MAX_WIDTH, MAX_LEVELS) or ()


def _attentions(model: Fields, levels: int) -> list[dict[str, Any]]:
    given = model.values.get("self_attns")
    if given is None:  # the library's defaults
        given = [{"type": "neighborhood"}] * (levels - 1) + [{"type": "global"}]
    if not isinstance(given, list) or len(given) != levels or not all(isinstance(one, dict) for one in given):
        raise model.wrong("self_attns", "a list of one JSON object for each level")
    found = []
    for one in given:
        fields = Fields(one, f"{model.label} (self_attns)")
        kind = fields.choice("type", None, KINDS)
        if kind is None:
            raise fields.wrong("type", f"one of {', '.join(KINDS)}")
        key, default = SIZES.get(kind, ("size", 0))
        size = fields.integer(key, default, 1, 1024) if kind in SIZES else 0
        if size is None:
            raise fields.wrong(key, "a whole number")
        found.append({"kind": kind, "size": size, "head": fields.integer("d_head", 64, 8, 1024)})
    return found


def _places(levels: int, first: bool) -> list[str]:
    """Where the layers of each level lie in the file."""
    return ["blocks"] if first else [*(f"down_levels.{i}" for i in range(levels - 1)), "mid_level"]


def check_size(arguments: Mapping[str, Any], size: tuple[int, int]) -> None:
    """Raises ModelError for pictures of (height, width) that the network has no place for."""
    rows, columns = size[0] // arguments["patch"][0], size[1] // arguments["patch"][1]
    for i, level in enumerate(arguments["levels"]):
        attention, height, width = level["attention"], rows >> i, columns >> i
        if attention["kind"] in ("global", "neighborhood") and height * width > MAX_TOKENS:
            raise ModelError(
                f"Pictures of {size[0]}×{size[1]} make {height * width:,} tokens that look at each other: up to "
                f"{MAX_TOKENS:,} are read."
            )
        window = attention["size"]
        if attention["kind"] == "shifted-window" and (height % window or width % window):
            raise ModelError(
                f"Pictures of {size[0]}×{size[1]} do not fit the network: {height}×{width} tokens cannot be cut into "
                f"windows of {window}×{window}."
            )
