"""The weights of diffusers' UNet2DModel by themselves: `torch.save(model.state_dict(), …)`, or what accelerate saves.

Without its configuration the network is that of the names and shapes, with the class's defaults where these do not
tell: heads of 8 channels, 32 groups. Nothing says how it was trained, so the pipeline's usual way is taken: ε, linear β
and T = 1000, times counted from 0 (our t − 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.heads import Heads, check_heads
from explorer.formats.network_fields import MAX_LEVELS
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

CLASS = "UNet2DModel"
SIGNS = ("conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight")
FOREIGN = ("attn2.to_k", "transformer_blocks", "add_embedding", "temp_conv", "controlnet", "motion_modules")
"""In the names of other classes' weights."""
UNREAD = ("time_proj.", "skip_conv", "resnet_down", "downsamplers.0.conv1", "class_embedding.linear")
"""In the names of weights of its rarer kinds, which need their configuration."""
GROUPS, HEAD = 32, 8


class UNetWeights(SingleFile[dict[str, Any]]):
    name = "diffusers weights"

    def recognise(self, checkpoint: Checkpoint) -> float:
        tensors = checkpoint.tensors()
        if not all(sign in tensors for sign in SIGNS) or any(part in name for name in tensors for part in FOREIGN):
            return 0.0
        # With its configuration beside it the file is a part of a folder, which says more.
        return 0.0 if (checkpoint.path.parent / "config.json").exists() else 0.7

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        evidence, arguments = context.evidence, _arguments(checkpoint.tensors())
        widths, channels, out = (arguments[key] for key in ("block_out_channels", "in_channels", "out_channels"))
        if out not in (channels, 2 * channels):
            raise ModelError(
                f"The file's {CLASS} takes {channels} channels and returns {out}: what its script puts into the others "
                "does not show, so write an adapter.py beside it that does so (“Open your own network” in the README)."
            )
        evidence.add("network", f"{CLASS}, features {'·'.join(map(str, widths))}", "inferred", "shapes of the weights")
        fitting = next(n for n in range(GROUPS, 0, -1) if not any(width % n for width in widths))
        groups = context.choose("groups", "groups of norms", default=fitting, where=CLASS)
        if any(width % groups for width in widths):
            raise ModelError(f"{groups} groups of norms do not divide {min(widths)} channels.")
        heads = context.heads(Candidate(None, "file"), str(Heads(width=HEAD)), CLASS)
        evidence.add("T", 1000, "default", "DDPMScheduler")
        evidence.add("noise schedule", "linear", "default", "DDPMScheduler")
        if not (context.said("schedule") and context.said("prediction")):
            evidence.warn(
                "The file holds the network alone: where nothing else is set, linear β, T = 1000 and ε-prediction are "
                "taken, and pictures come out wrong if it was trained otherwise."
            )
        classes = arguments.get("num_class_embeds", 0)
        return Plan(
            network={**arguments, "norm_num_groups": groups, "attention_head_dim": _head_dim(heads, arguments)},
            settings={"heads": str(heads), "groups": groups},
            shape=context.shape(channels, Candidate(None, "file"), multiple=2 ** (len(widths) - 1)),
            schedule=ScheduleSpec("linear", 1000),
            prediction=Candidate("eps", "default", "DDPMScheduler"),
            embeddings=classes,
            class_names=Candidate(None, "inferred", "class_embedding"),
            learned_variance="range" if out == 2 * channels else None,
            sampler_defaults={"clip": True},
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[dict[str, Any]],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:
        from explorer.formats.autoencoder import current_name
        from explorer.formats.call import TimedCall, index
        from explorer.formats.network import build
        from explorer.formats.tensors import fill

        module = build(CLASS, plan.network, checkpoint.path.name)
        fill(module, checkpoint.weights(checkpoint.tensors()), device, current_name)
        module = module.to(device)

        def call(x: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
            output: Tensor = module(x, times, labels, return_dict=False)[0]
            return output

        return TimedCall(call, schedule, index, no_label)


FORMAT = UNetWeights()


def _arguments(tensors: Mapping[str, TensorRef]) -> dict[str, Any]:
    """Those that show in names and shapes. Raises ModelError for the kinds that need their configuration."""
    if unread := next((part for part in UNREAD if any(part in name for name in tensors)), ""):
        raise ModelError(
            f"The file's {CLASS} is of a kind ({unread.strip('.')}) that needs its configuration: open the folder that "
            "save_pretrained writes."
        )
    levels = [i for i in range(MAX_LEVELS) if f"down_blocks.{i}.resnets.0.conv1.weight" in tensors]
    first = tensors["down_blocks.0.resnets.0.conv1.weight"].shape[0]
    shift = tensors["down_blocks.0.resnets.0.time_emb_proj.weight"].shape[0]
    attends = [any(name.startswith(f"down_blocks.{i}.attentions.") for name in tensors) for i in levels]
    rises = [any(name.startswith(f"up_blocks.{i}.attentions.") for name in tensors) for i in levels]
    found = {
        "in_channels": tensors["conv_in.weight"].shape[1],
        "out_channels": tensors["conv_out.weight"].shape[0],
        "block_out_channels": tuple(tensors[f"down_blocks.{i}.resnets.0.conv1.weight"].shape[0] for i in levels),
        "layers_per_block": sum(f"down_blocks.0.resnets.{j}.conv1.weight" in tensors for j in range(16)),
        "down_block_types": tuple("AttnDownBlock2D" if attention else "DownBlock2D" for attention in attends),
        "up_block_types": tuple("AttnUpBlock2D" if attention else "UpBlock2D" for attention in rises),
        "add_attention": any(name.startswith("mid_block.attentions.") for name in tensors),
        "resnet_time_scale_shift": "scale_shift" if shift == 2 * first else "default",
    }
    if "class_embedding.weight" in tensors:
        found["num_class_embeds"] = tensors["class_embedding.weight"].shape[0]
    return found


def _head_dim(heads: Heads, arguments: Mapping[str, Any]) -> int | None:
    """Channels of one head, None for a single head. Raises ModelError where one number does not say it."""
    levels = zip(arguments["down_block_types"], arguments["block_out_channels"], strict=True)
    widths = {width for kind, width in levels if "Attn" in kind} | {arguments["block_out_channels"][-1]}
    for width in widths:
        check_heads(heads, width)
    if {heads.of(width) for width in widths} == {1}:
        return None
    dims: set[int] = {width // heads.of(width) for width in widths}
    if len(dims) > 1:
        raise ModelError(f"{CLASS} has heads of equal width at all levels: give that, such as “{Heads(width=HEAD)}”.")
    return dims.pop()
