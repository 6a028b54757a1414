"""State dicts of OpenAI's improved-diffusion and guided-diffusion: `ema_0.9999_*.pt`, `model*.pt`, published weights.

The network's sizes, its classes and whether it learned the variance show in the weights. Schedule, T, attention heads
and the pictures' size do not: they are those of the published model with these sizes, where there is one, and the
library's defaults for training otherwise; `preset` chooses another one.

The networks count from 0 (our t − 1), times 1000/T where T is not 1000; data lie in −1 … 1.

torchcfm trains the same networks by flow matching, and saves them as `net_model` and `ema_model`: they are told
1 − t/T, noise being at 0, and answer with the velocity towards the data, which is −û.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.facts import ModelError, Source
from explorer.formats.adm_keys import AdmKeys, prefixes, read_keys
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.corrections import QKV_ORDERS
from explorer.formats.evidence import Candidate
from explorer.formats.heads import Heads
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

SIZES = {
    (0.5, 1, 1, 2, 2, 4, 4): 512,
    (1, 1, 2, 2, 4, 4): 256,
    (1, 1, 2, 3, 4): 128,
    (1, 2, 3, 4): 64,
    (1, 2, 2, 2): 32,
}
"""The pictures' size for which the libraries choose these multiples of channels."""


@dataclass(frozen=True)
class Preset:
    """A published configuration. What it is recognised by: features, multiples of channels, residual blocks a level,
    classes or none, residual blocks that change the size. Then what the weights do not say."""

    features: int
    mults: tuple[float, ...]
    blocks: int
    conditional: bool
    updown: bool
    schedule: str = "linear"
    T: int = 1000
    heads: Heads = Heads(4)
    new_order: bool = False
    flow: bool = False
    """Trained by flow matching, with the times and signs of torchcfm."""


LIBRARY = "library defaults"
FLOW = "flow matching (torchcfm)"
WIDE = Heads(width=64)
_256 = (1.0, 1.0, 2.0, 2.0, 4.0, 4.0)
_64, _32 = (1.0, 2.0, 3.0, 4.0), (1.0, 2.0, 2.0, 2.0)
PRESETS: dict[str, Preset] = {
    "guided ImageNet 64": Preset(192, _64, 3, True, True, "cosine", heads=WIDE, new_order=True),
    "guided ImageNet 128": Preset(256, (1.0, 1.0, 2.0, 3.0, 4.0), 2, True, True),
    "guided ImageNet 256": Preset(256, _256, 2, True, True, heads=WIDE),
    "guided ImageNet 256 unconditional, LSUN": Preset(256, _256, 2, False, True, heads=WIDE),
    "guided ImageNet 512": Preset(256, (0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0), 2, True, True, heads=WIDE),
    "improved ImageNet 64": Preset(128, _64, 3, False, False, "cosine", 4000),
    "improved ImageNet 64 conditional": Preset(192, _64, 3, True, False, "cosine", 4000),
    "improved CIFAR-10": Preset(128, _32, 3, False, False, "cosine", 4000),
    "improved LSUN 256": Preset(128, _256, 2, False, False, heads=Heads(1)),
    FLOW: Preset(0, (), 0, False, False, "rectified_flow", heads=WIDE, flow=True),
    LIBRARY: Preset(0, (), 0, False, False),
}


@dataclass(frozen=True)
class Network:
    prefix: str
    heads: Heads
    new_order: bool
    flow: bool = False


class OpenAI(SingleFile[Network]):
    name = "openai"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.8 if any(prefix in ("", "module.") for prefix in prefixes(checkpoint.tensors())) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence = context.evidence
        tensors = checkpoint.tensors()
        (prefix,) = prefixes(tensors)[:1]
        keys = read_keys({name.removeprefix(prefix): tensor for name, tensor in tensors.items()})
        channels, learned = keys.in_channels, keys.out_channels == 2 * keys.in_channels
        if keys.out_channels not in (channels, 2 * channels):
            raise ModelError(
                f"The file's network makes {keys.out_channels} channels of {channels}: networks that enlarge pictures, "
                "which are also given a small one, are not read."
            )
        if keys.context is not None:
            raise ModelError("The file's network looks at a text or another context, which the file does not hold.")
        mults = "·".join(f"{mult:g}" for mult in keys.mults)
        evidence.add("network", f"ADM U-Net, {keys.features} features × {mults}", "inferred", "shapes of the weights")
        evidence.add("learned variance", "yes, between β̃ and β" if learned else "no", "inferred", "output channels")
        known = tuple(PRESETS)
        name = context.among("preset", "preset", known, _matching(keys, checkpoint.whole))
        preset = PRESETS[name]
        source: Source = "default" if name == LIBRARY else "inferred"
        T = preset.T
        evidence.add("T", T, source, name)
        evidence.add("noise schedule", preset.schedule, source, name)
        heads = context.heads(Candidate(str(preset.heads), source, name), str(preset.heads), name)
        order = context.choose(
            "qkv_order", "attention order", Candidate(QKV_ORDERS[preset.new_order], source, name), default=QKV_ORDERS[0]
        )
        usual = {"schedule": "linear β", "T": "T = 1000", "heads": "4 heads"}
        guessed = [text for key, text in usual.items() if not context.said(key)]
        if name == LIBRARY and guessed and not context.said("preset"):
            *before, last = guessed
            taken = f"{', '.join(before)} and {last} are" if before else f"{last} is"
            evidence.warn(
                "Schedule, T and attention heads are not in the file and it is none of the published models: "
                f"{taken} taken, and pictures come out wrong if it was trained otherwise."
            )
        keys.check_heads(heads)
        side = SIZES.get(keys.mults)
        guess = Candidate((side, side) if side else None, "inferred", "the library's choice of channels")
        return Plan(
            network=Network(prefix, heads, order == QKV_ORDERS[1], preset.flow),
            settings={"heads": str(heads), "qkv_order": order},
            shape=context.shape(channels, guess, (64, 64), 2 ** (keys.levels - 1)),
            schedule=ScheduleSpec(preset.schedule, T),
            prediction=Candidate("flow" if preset.flow else "eps", "default", name if preset.flow else "the library"),
            value_range=Candidate((-1.0, 1.0), "default", "the library"),
            embeddings=keys.classes,
            class_names=Candidate(None, "inferred", "label_emb"),
            learned_variance="range" if learned else None,
            sampler_defaults={"clip": True},
            presets=known,
            preset=name,
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[Network],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:

        from explorer.formats.call import TimedCall, index_of_1000
        from explorer.formats.tensors import filled
        from explorer.networks.adm_unet import AdmUnet

        network, prefix = plan.network, plan.network.prefix
        tensors = {name.removeprefix(prefix): tensor for name, tensor in checkpoint.tensors().items()}
        config = read_keys(tensors).config(network.heads.of, network.new_order)
        module = filled(lambda: AdmUnet(config), checkpoint.weights(tensors), device)
        if network.flow:

            def velocity(*inputs: Tensor) -> Tensor:
                output: Tensor = -module(*inputs)
                return output

            return TimedCall(velocity, schedule, lambda schedule, t: 1 - t / schedule.T, no_label)
        return TimedCall(module, schedule, index_of_1000, no_label)


FORMAT = OpenAI()


def _matching(keys: AdmKeys, whole: object = None) -> Candidate[str]:
    """The published model of these sizes. whole: what is around the weights in their file."""
    if isinstance(whole, Mapping) and "net_model" in whole:
        return Candidate(FLOW, "inferred", "net_model, as torchcfm's training calls it")
    found = (keys.features, keys.mults, keys.num_res_blocks, keys.classes > 0, keys.resblock_updown)
    for name, preset in PRESETS.items():
        if found == (preset.features, preset.mults, preset.blocks, preset.conditional, preset.updown):
            return Candidate(name, "inferred", "the sizes of the published model")
    return Candidate(LIBRARY, "default")
