"""score_sde_pytorch's networks of the type “ddpm” (Song et al. 2021): {optimizer, model, ema, step} in a file.

The network is that of Ho et al. 2020 as a list of modules in the order they are used. It is built from diffusers'
UNet2DModel, but for one thing: on the way up, attention follows the last block of a level alone.
Which SDE it was trained on no file says: see `score_sde_schedule.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.ho_unet import ho_unet
from explorer.formats.listed_average import listed_average
from explorer.formats.references import TensorRef
from explorer.formats.score_sde_schedule import (
    ATTENTION_SIDE,
    DISCRETE,
    PREFIX,
    SUB_VP,
    VP,
    VP_DISCRETE,
    by_level,
    choose_sde,
    label,
    level_number,
    schedule_of,
)
from explorer.formats.single_file import Plan, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

PRESETS = (VP_DISCRETE, VP, SUB_VP, DISCRETE)
KINDS = {
    frozenset({"GroupNorm_0", "Conv_0", "Dense_0", "GroupNorm_1", "Conv_1"}): "block",
    frozenset({"GroupNorm_0", "Conv_0", "Dense_0", "GroupNorm_1", "Conv_1", "NIN_0"}): "block",
    frozenset({"GroupNorm_0", "NIN_0", "NIN_1", "NIN_2", "NIN_3"}): "attention",
    frozenset({"Conv_0"}): "resample",
}
"""What a module is, by its parts."""
PARTS = {
    "block": {
        "GroupNorm_0": "norm1",
        "Conv_0": "conv1",
        "Dense_0": "time_emb_proj",
        "GroupNorm_1": "norm2",
        "Conv_1": "conv2",
        "NIN_0": "conv_shortcut",
    },
    "attention": {
        "GroupNorm_0": "group_norm",
        "NIN_0": "to_q",
        "NIN_1": "to_k",
        "NIN_2": "to_v",
        "NIN_3": "to_out.0",
    },
    "resample": {"Conv_0": "conv"},
}
"""Theirs and diffusers' names of the parts."""


@dataclass(frozen=True)
class Network:
    """arguments: of UNet2DModel. places: of its modules, by the number of theirs. sigmas: see `by_level`."""

    arguments: dict[str, Any]
    places: dict[int, str]
    sigmas: tuple[float, ...] = ()


class ScoreSdeDdpm(SingleFile[Network]):
    name = "score_sde"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.95 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets)
        network, side = _network(sets[weights])
        widths = network.arguments["block_out_channels"]
        text = "·".join(map(str, widths))
        evidence.add("network", f"DDPM U-Net, channels {text}", "inferred", "the list of modules")
        guess = Candidate((side, side) if side else None, "inferred", "the level of attention")
        shape = context.shape(network.arguments["in_channels"], guess, multiple=2 ** (len(widths) - 1))
        sde = choose_sde(PRESETS, context)
        schedule, sigmas = schedule_of(checkpoint, False, sde, context)
        in_unit = sde == DISCRETE
        return Plan(
            network=replace(network, arguments={**network.arguments, "sample_size": list(shape[1:])}, sigmas=sigmas),
            shape=shape,
            schedule=schedule,
            prediction=Candidate("score" if in_unit else "eps", "inferred", sde),
            value_range=Candidate((0.0, 1.0) if in_unit else (-1.0, 1.0), "inferred", sde),
            presets=PRESETS,
            preset=sde,
            sampler_defaults={"clip": False},
            weight_sets=tuple(sets),
            weights=weights,
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[Network],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:
        from torch import nn

        from explorer.formats.call import TimedCall
        from explorer.formats.network import build
        from explorer.formats.tensors import fill

        module = build("UNet2DModel", plan.network.arguments, checkpoint.path.name)
        for name, attentions in module.named_modules():
            if name.startswith("up_blocks.") and name.endswith(".attentions"):
                assert isinstance(attentions, nn.ModuleList)
                for i in range(len(attentions) - 1):
                    attentions[i] = nn.Identity()
        tensors = _translated(_sets(checkpoint)[plan.weights], plan.network.places)
        fill(module, checkpoint.weights(tensors), device)

        def call(x: Tensor, times: Tensor) -> Tensor:
            output: Tensor = module(x, times, return_dict=False)[0]
            return output

        if plan.network.sigmas:
            return TimedCall(by_level(call, plan.network.sigmas, device), schedule, level_number)
        return TimedCall(call, schedule, label)


FORMAT = ScoreSdeDdpm()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first; none where a list of modules is not of this type."""
    raw = {name.removeprefix("module."): value for name, value in checkpoint.tensors("model").items()}
    raw = {name: value for name, value in raw.items() if name.startswith(PREFIX)}
    kinds = [_kind(parts) for parts in _parts(raw).values()]
    if "block" not in kinds or "resample" not in kinds or "?" in kinds:
        return {}
    average = listed_average(checkpoint, raw)
    return {"ema": average, "raw": raw} if average else {"raw": raw}


def _parts(tensors: Mapping[str, TensorRef]) -> dict[int, dict[str, TensorRef]]:
    """The modules by number, each with its tensors by name."""
    found: dict[int, dict[str, TensorRef]] = {}
    for name, tensor in tensors.items():
        number, _, rest = name.removeprefix(PREFIX).partition(".")
        if number.isdecimal():
            found.setdefault(int(number), {})[rest] = tensor
    return dict(sorted(found.items()))


def _kind(tensors: Mapping[str, TensorRef]) -> str:
    """What a module is; "?" for none of this type."""
    if "weight" in tensors:
        return {1: "norm", 2: "linear", 4: "conv"}.get(len(tensors["weight"].shape), "?")
    kind = KINDS.get(frozenset(name.rpartition(".")[0] for name in tensors), "?")
    return "?" if kind == "resample" and tensors["Conv_0.weight"].shape[2:] != (3, 3) else kind


def _network(tensors: Mapping[str, TensorRef]) -> tuple[Network, int | None]:
    """The network, and the pictures' size that the place of attention tells. Raises ModelError for one not whole."""
    modules = list(_parts(tensors).items())
    kinds = [_kind(parts) for _, parts in modules]
    levels = kinds.count("resample") // 2 + 1
    blocks = kinds[: kinds.index("resample")].count("block")
    places: dict[int, str] = {}

    def take(kind: str, place: str) -> Mapping[str, TensorRef]:
        here = len(places)
        if here >= len(modules) or kinds[here] != kind:
            found = kinds[here] if here < len(modules) else "nothing"
            raise ModelError(f"The file's network is not whole, or of another kind: {found} where {kind} is expected.")
        places[modules[here][0]] = place
        return modules[here][1]

    def attends() -> bool:
        return len(places) < len(kinds) and kinds[len(places)] == "attention"

    take("linear", "time_embedding.linear_1")
    take("linear", "time_embedding.linear_2")
    first = take("conv", "conv_in")["weight"].shape
    widths, attention = [], []
    for i in range(levels):
        for j in range(blocks):
            block = take("block", f"down_blocks.{i}.resnets.{j}")
            if j == 0:
                widths.append(block["Conv_0.weight"].shape[0])
                attention.append(attends())
            if attention[i]:
                take("attention", f"down_blocks.{i}.attentions.{j}")
        if i < levels - 1:
            take("resample", f"down_blocks.{i}.downsamplers.0")
    take("block", "mid_block.resnets.0")
    take("attention", "mid_block.attentions.0")
    take("block", "mid_block.resnets.1")
    for i in range(levels):
        for j in range(blocks + 1):
            take("block", f"up_blocks.{i}.resnets.{j}")
        if attention[levels - 1 - i]:
            take("attention", f"up_blocks.{i}.attentions.{blocks}")
        if i < levels - 1:
            take("resample", f"up_blocks.{i}.upsamplers.0")
    take("norm", "conv_norm_out")
    last = take("conv", "conv_out")["weight"].shape
    arguments = ho_unet(first[1], last[0], widths, blocks, attention)
    return Network(arguments, places), ATTENTION_SIDE << attention.index(True) if any(attention) else None


def _translated(tensors: Mapping[str, TensorRef], places: Mapping[int, str]) -> dict[str, TensorRef]:
    """The tensors by diffusers' names. What is called NIN there is a matrix from the right."""
    found = {}
    for number, parts in _parts(tensors).items():
        names = PARTS.get(_kind(parts), {})
        for name, tensor in parts.items():
            part, _, kind = name.rpartition(".")
            if kind == "W":
                tail = (1, 1) if names[part] == "conv_shortcut" else ()
                tensor = replace(tensor, shape=(*tensor.shape[::-1], *tail), strides=(*tensor.strides[::-1], *tail))
            kind = {"W": "weight", "b": "bias"}.get(kind, kind)
            found[".".join(filter(None, (places[number], names.get(part, part), kind)))] = tensor
    return found
