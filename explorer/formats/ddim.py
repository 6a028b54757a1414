"""Checkpoints of ermongroup/ddim and of pesser's conversions of Ho et al.'s DDPM: `ckpt.pth`, `ema_cifar10.ckpt`.

    [model, optimizer, epoch, step, average]     what the program saves, `config.yml` beside it
    conv_in.weight, temb.dense.0.weight, …       a state dict alone

The network is that of Ho et al. 2020, which diffusers has as its UNet2DModel: names are translated and 1×1 convolutions
become the linear layers that they are. Its index is our t − 1; data lie in −1 … 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.ho_unet import ho_unet
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

SIGNS = ("temb.dense.0.weight", "conv_in.weight", "mid.attn_1.q.weight", "down.0.block.0.temb_proj.weight")
ATTENTION_SIDE = 16
"""Attention works on 16×16 pixels in every published configuration, which tells the pictures' size."""
SCHEDULES = {"linear": "linear", "quad": "scaled_linear"}


class DDIM(SingleFile[dict[str, Any]]):
    name = "ermongroup ddim"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets, "the order in it")
        values, yaml = read_yaml_beside(checkpoint.path)
        arguments, side = _arguments(sets[weights])
        widths = "·".join(map(str, arguments["block_out_channels"]))
        evidence.add("network", f"DDPM U-Net, channels {widths}", "inferred", "shapes of the weights")
        data = Fields(nested(values, "data"), yaml)
        given = data.integer("image_size", None, 1, 4096)
        own = Candidate((given, given) if given else None, "file", yaml)
        guess = Candidate((side, side) if side else None, "inferred", "the level of attention")
        levels, channels = len(arguments["block_out_channels"]), arguments["in_channels"]
        shape = context.shape(channels, own if given else guess, multiple=2 ** (levels - 1))
        schedule = _schedule(Fields(nested(values, "diffusion"), yaml), yaml, context)
        return Plan(
            network={**arguments, "sample_size": list(shape[1:])},
            shape=shape,
            schedule=schedule,
            prediction=Candidate("eps", "default", "the program predicts noise alone"),
            value_range=Candidate((-1.0, 1.0), "default", "the program"),
            learned_variance="range" if arguments["out_channels"] == 2 * channels else None,
            weight_sets=tuple(sets),
            weights=weights,
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
        module = build("UNet2DModel", plan.network, checkpoint.path.name)
        fill(module, checkpoint.weights(translate(sets[plan.weights])), device)

        def call(x: Tensor, times: Tensor) -> Tensor:
            output: Tensor = module(x, times, return_dict=False)[0]
            return output

        return TimedCall(call, schedule, index)


FORMAT = DDIM()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first."""
    places: dict[str, tuple[Any, ...]] = {"ema": (-1,), "raw": (0,)}
    if isinstance(checkpoint.content, Mapping):
        places = {"ema": ("ema",), "raw": ("model",), "": ()}
    found = {}
    for name, place in places.items():
        tensors = {key.removeprefix("module."): value for key, value in checkpoint.tensors(*place).items()}
        if all(sign in tensors for sign in SIGNS):
            found[name or "raw"] = tensors
    return found


def _arguments(tensors: Mapping[str, TensorRef]) -> tuple[dict[str, Any], int | None]:
    """Those of UNet2DModel, and the pictures' size that the place of attention tells. Raises ModelError."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    try:
        levels = blocks = 0
        while f"down.{levels}.block.0.conv1.weight" in shapes:
            levels += 1
        while f"down.0.block.{blocks}.conv1.weight" in shapes:
            blocks += 1
        attention = [f"down.{i}.attn.0.q.weight" in shapes for i in range(levels)]
        side = ATTENTION_SIDE << attention.index(True) if any(attention) else None
        widths = [shapes[f"down.{i}.block.0.conv1.weight"][0] for i in range(levels)]
        channels, out_channels = shapes["conv_in.weight"][1], shapes["conv_out.weight"][0]
        return ho_unet(channels, out_channels, widths, blocks, attention), side
    except KeyError as error:
        raise ModelError(f"The file's U-Net is not whole: it has no {error}.") from error
    except IndexError:
        raise ModelError("The file's U-Net is not whole: some of its weights have too few dimensions.") from None


def _schedule(fields: Fields, yaml: str, context: Context) -> ScheduleSpec:
    evidence = context.evidence
    name = fields.choice("beta_schedule", None, tuple(SCHEDULES))
    T = fields.integer("num_diffusion_timesteps", 1000, 1, 100_000)
    numbers = {
        "beta_start": fields.number("beta_start", 1e-4, 0.0, 1.0),
        "beta_end": fields.number("beta_end", 0.02, 0.0, 1.0),
    }
    if name is None:
        evidence.add("T", T, "default", "ermongroup's configurations")
        evidence.add("noise schedule", "linear", "default", "ermongroup's configurations")
        return ScheduleSpec("linear", T)
    evidence.add("T", T, "file", yaml)
    evidence.add("noise schedule", SCHEDULES[name], "file", yaml)
    return ScheduleSpec(SCHEDULES[name], T, numbers)


_PARTS = {
    "temb_proj": "time_emb_proj",
    "nin_shortcut": "conv_shortcut",
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
}
_PLACES = {
    "temb.dense.0": "time_embedding.linear_1",
    "temb.dense.1": "time_embedding.linear_2",
    "norm_out": "conv_norm_out",
    "mid.block_1": "mid_block.resnets.0",
    "mid.attn_1": "mid_block.attentions.0",
    "mid.block_2": "mid_block.resnets.1",
}


def translate(tensors: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """The tensors by diffusers' names."""
    levels = 1 + max((int(name.split(".")[1]) for name in tensors if name.startswith("up.")), default=-1)
    found = {}
    for name, tensor in tensors.items():
        *path, kind = name.split(".")
        if path[0] in ("down", "up") and len(path) >= 4:
            level = int(path[1]) if path[0] == "down" else levels - 1 - int(path[1])
            group = {"block": "resnets", "attn": "attentions"}.get(path[2])
            place = f"{path[0]}_blocks.{level}"
            if group is None:
                place += f".{path[2]}rs.0.conv"
            else:
                place += f".{group}.{path[3]}.{_PARTS.get(path[4], path[4]) if len(path) > 4 else ''}"
        else:
            here = ".".join(path)
            before = next((old for old in _PLACES if here == old or here.startswith(f"{old}.")), "")
            last = here[len(before) + 1 :] if before else ""
            place = _PLACES[before] + (f".{_PARTS.get(last, last)}" if last else "") if before else here
        if ".attentions." in place and len(tensor.shape) == 4:  # a 1×1 convolution is a linear layer
            tensor = replace(tensor, shape=tensor.shape[:2], strides=tensor.strides[:2])
        found[f"{place}.{kind}"] = tensor
    return found
