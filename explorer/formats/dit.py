"""facebookresearch/DiT: `DiT-XL-2-256x256.pt`, a state dict, or what its training saves, {model, ema, opt, args}.

The network is diffusers' DiTTransformer2DModel by other names, with a copy of the time's and the label's embedding in
each of its blocks, and with the time's frequencies spaced as in Ho et al. 2020. It was trained on the latents of Stable
Diffusion's autoencoder times 0.18215, T = 1000, linear β; its index is our t − 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.autoencoder_files import choose_autoencoder
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.heads import check_heads
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

SIGNS = ("x_embedder.proj.weight", "t_embedder.mlp.0.weight", "blocks.0.attn.qkv.weight", "final_layer.linear.weight")
PROGRAM = "facebookresearch/DiT"
HEADS = {1152: 16, 1024: 16, 768: 12, 384: 6}
"""By width: DiT-XL, -L, -B and -S."""


class DiT(SingleFile[dict[str, Any]]):
    name = "DiT"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets)
        arguments = _arguments(sets[weights])
        width = arguments["num_attention_heads"] * arguments["attention_head_dim"]
        text = f"{arguments['num_layers']} blocks of width {width}, patches of {arguments['patch_size']}"
        evidence.add("network", f"DiT, {text}", "inferred", "shapes of the weights")
        known = Candidate(str(HEADS[width]) if width in HEADS else None, "inferred", "the published sizes")
        heads = context.heads(known, str(arguments["num_attention_heads"]), "the published sizes")
        check_heads(heads, width)
        arguments |= {"num_attention_heads": heads.of(width), "attention_head_dim": width // heads.of(width)}
        channels, side = arguments["in_channels"], arguments["sample_size"]
        evidence.add("shape", f"{channels}×{side}×{side}", "inferred", "pos_embed")
        evidence.add("T", 1000, "default", PROGRAM)
        evidence.add("noise schedule", "linear", "default", PROGRAM)
        shape, latent = (channels, side, side), channels not in (1, 3)
        classes = arguments["num_embeds_ada_norm"] + 1
        return Plan(
            network=arguments,
            shape=shape,
            schedule=ScheduleSpec("linear", 1000),
            prediction=Candidate("eps", "default", PROGRAM),
            value_range=Candidate((-4.0, 4.0) if latent else (-1.0, 1.0), "default", PROGRAM),
            embeddings=classes,
            null_label=Candidate(classes - 1, "default", PROGRAM),
            class_names=Candidate(None, "inferred", "y_embedder"),
            learned_variance="range" if arguments["out_channels"] == 2 * channels else None,
            settings={"heads": str(heads)},
            fixed={"size": f"the weights hold a table of positions, for {side}×{side}"},
            sampler_defaults={"clip": not latent},
            weight_sets=tuple(sets),
            weights=weights,
            latent=latent,
            autoencoder=choose_autoencoder(context, checkpoint.path, shape) if latent else None,
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[dict[str, Any]],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:
        from explorer.formats.call import TimedCall, index
        from explorer.formats.network import build
        from explorer.formats.tensors import fill

        sets = _sets(checkpoint)
        module: Any = build("DiTTransformer2DModel", plan.network, checkpoint.path.name)
        fill(module, checkpoint.weights(translate(sets[plan.weights])), device)
        module.to(device)  # the table of positions is no weight
        for block in module.transformer_blocks:
            block.norm1.emb.time_proj.downscale_freq_shift = 0

        def call(x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
            output: Tensor = module(x, times, labels, return_dict=False)[0]
            return output

        return TimedCall(call, schedule, index, no_label or 0)


FORMAT = DiT()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first."""
    found: dict[str, dict[str, TensorRef]] = {}
    places: tuple[tuple[str, tuple[str, ...]], ...] = (("ema", ("ema",)), ("raw", ("model",)), ("raw", ()))
    for name, place in places:
        tensors = {key.removeprefix("module."): value for key, value in checkpoint.tensors(*place).items()}
        if all(sign in tensors for sign in SIGNS):
            found.setdefault(name, tensors)
    return found


def _arguments(tensors: Mapping[str, TensorRef]) -> dict[str, Any]:
    """Those of DiTTransformer2DModel. Raises ModelError."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        width, channels, patch, _ = shapes["x_embedder.proj.weight"]
        layers = 0
        while f"blocks.{layers}.attn.qkv.weight" in shapes:
            layers += 1
        heads = HEADS.get(width, max(width // 64, 1))
        return {
            "num_attention_heads": heads,
            "attention_head_dim": width // heads,
            "in_channels": channels,
            "out_channels": shapes["final_layer.linear.weight"][0] // patch**2,
            "num_layers": layers,
            "sample_size": math.isqrt(shapes["pos_embed"][1]) * patch,
            "patch_size": patch,
            "num_embeds_ada_norm": shapes["y_embedder.embedding_table.weight"][0] - 1,
            "norm_eps": 1e-6,
        }
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise ModelError(f"The file's network is not whole: {error} is missing or of another shape.") from error


_BLOCK = {
    "adaLN_modulation.1": "norm1.linear",
    "attn.proj": "attn1.to_out.0",
    "mlp.fc1": "ff.net.0.proj",
    "mlp.fc2": "ff.net.2",
}
_OUTSIDE = {
    "x_embedder.proj": "pos_embed.proj",
    "final_layer.linear": "proj_out_2",
    "final_layer.adaLN_modulation.1": "proj_out_1",
}
_EMBEDDINGS = {
    "t_embedder.mlp.0": "timestep_embedder.linear_1",
    "t_embedder.mlp.2": "timestep_embedder.linear_2",
    "y_embedder.embedding_table": "class_embedder.embedding_table",
}


def translate(tensors: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """The tensors by diffusers' names."""
    layers = {name.split(".")[1] for name in tensors if name.startswith("blocks.")}
    found = {}
    for name, tensor in tensors.items():
        place, _, kind = name.rpartition(".")
        if name == "pos_embed":
            continue  # computed
        if place in _EMBEDDINGS:
            for layer in layers:
                found[f"transformer_blocks.{layer}.norm1.emb.{_EMBEDDINGS[place]}.{kind}"] = tensor
        elif place.startswith("blocks."):
            _, layer, part = place.split(".", 2)
            here = f"transformer_blocks.{layer}"
            if part == "attn.qkv":
                for k, letter in enumerate("qkv"):
                    found[f"{here}.attn1.to_{letter}.{kind}"] = third(tensor, k)
            else:
                found[f"{here}.{_BLOCK.get(part, part)}.{kind}"] = tensor
        else:
            found[f"{_OUTSIDE.get(place, place)}.{kind}"] = tensor
    return found


def third(tensor: TensorRef, k: int) -> TensorRef:
    """One of three equal parts of the rows."""
    rows = tensor.shape[0] // 3
    return replace(tensor, shape=(rows, *tensor.shape[1:]), start=tensor.start + k * rows * tensor.strides[0])
