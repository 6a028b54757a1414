"""Stable Diffusion's networks by the names that CompVis, Stability AI and OpenCLIP gave them, from those of diffusers.

Written from the documented layouts, the other way round than the program reads them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def unet(network: Any, prefix: str = "model.diffusion_model.") -> dict[str, Tensor]:
    """Of a UNet2DConditionModel."""
    blocks = network.config.layers_per_block + 1
    state = network.state_dict()

    def renamed(name: str) -> str:
        for theirs, ours in OUTSIDE.items():
            if name.startswith(f"{theirs}."):
                return ours + name.removeprefix(theirs)
        side, *path = name.split(".")
        if side == "mid_block":
            number = 1 if path[0] == "attentions" else 2 * int(path[1])
            return f"middle_block.{number}.{_inside(path[0], path[2:])}"
        level, part, number, rest = int(path[0]), path[1], int(path[2]), path[3:]
        if part == "downsamplers":
            return f"input_blocks.{(level + 1) * blocks}.0.op.{rest[-1]}"
        if part == "upsamplers":
            behind = 2 if any(key.startswith(f"up_blocks.{level}.attentions.") for key in state) else 1
            return f"output_blocks.{(level + 1) * blocks - 1}.{behind}.conv.{rest[-1]}"
        place = f"input_blocks.{1 + level * blocks + number}"
        if side == "up_blocks":
            place = f"output_blocks.{level * blocks + number}"
        return f"{place}.{int(part == 'attentions')}.{_inside(part, rest)}"

    return {prefix + renamed(name): value for name, value in state.items()}


def _inside(part: str, rest: list[str]) -> str:
    return ".".join([RESNET[rest[0]], *rest[1:]] if part == "resnets" else rest)


def autoencoder(network: Any, prefix: str = "first_stage_model.") -> dict[str, Tensor]:
    """Of an AutoencoderKL. Its matrices of attention are 1×1 convolutions."""
    levels = len(network.config.block_out_channels)
    attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
    found = {}
    for name, value in network.state_dict().items():
        new = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        side, *path = new.split(".")
        if path[0] == "mid_block" and path[1] == "resnets":
            new = f"{side}.mid.block_{int(path[2]) + 1}.{'.'.join(path[3:])}"
        elif path[0] == "mid_block":
            new = f"{side}.mid.attn_1.{attention[path[3]]}.{path[-1]}"
            value = value[:, :, None, None] if value.ndim == 2 else value
        elif path[0] in ("down_blocks", "up_blocks"):
            level = int(path[1]) if path[0] == "down_blocks" else levels - 1 - int(path[1])
            place = f"{side}.{path[0].removesuffix('_blocks')}.{level}"
            kinds = {"resnets": f"block.{path[3]}", "downsamplers": "downsample", "upsamplers": "upsample"}
            new = f"{place}.{kinds[path[2]]}.{'.'.join(path[4:])}"
        found[prefix + new] = value
    return found


def clip(encoder: Any, prefix: str) -> dict[str, Tensor]:
    """Of OpenAI's encoder."""
    state = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in encoder.state_dict().items()}
    places = torch.arange(encoder.config.max_position_embeddings)[None]
    return {prefix + name: value for name, value in {**state, "text_model.embeddings.position_ids": places}.items()}


def openclip(encoder: Any, prefix: str, unused: bool) -> dict[str, Tensor]:
    """Of OpenCLIP's. unused: with a last layer that Stable Diffusion 2 does not look at."""
    state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    found = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
    }
    if "text_projection.weight" in state:
        found["text_projection"] = state["text_projection.weight"].T.contiguous()
    layers = encoder.config.num_hidden_layers
    for layer in range(layers):
        own, place = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            found[f"{place}.attn.in_proj_{kind}"] = torch.cat(
                [state[f"{own}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
            )
            for theirs, ours in (
                ("self_attn.out_proj", "attn.out_proj"),
                ("layer_norm1", "ln_1"),
                ("layer_norm2", "ln_2"),
                ("mlp.fc1", "mlp.c_fc"),
                ("mlp.fc2", "mlp.c_proj"),
            ):
                found[f"{place}.{ours}.{kind}"] = state[f"{own}.{theirs}.{kind}"]
    if unused:
        last = {name: value for name, value in found.items() if name.startswith(f"transformer.resblocks.{layers - 1}.")}
        found |= {
            name.replace(f".{layers - 1}.", f".{layers}.", 1): torch.full_like(value, 9.0)
            for name, value in last.items()
        }
    return {prefix + name: value for name, value in found.items()}
