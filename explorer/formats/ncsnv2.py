"""ermongroup/ncsnv2 (Song & Ermon 2020): `checkpoint_N.pth`, [model, optimizer, epoch, step, average], YAML beside.

The network returns the score itself; its L noise levels, a geometric row from the highest down, are in the file. Our
t = 1 is the last of them. Data lie in 0 … 1, unless the configuration says that they are rescaled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Context, Plan, ScheduleSpec, SingleFile
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

SIGNS = ("begin_conv.weight", "normalizer.gamma", "res1.0.normalize1.gamma", "refine1.adapt_convs.0.1_1_conv.weight")
SIZES = {"NCSNv2": 32, "NCSNv2Deeper": 128, "NCSNv2Deepest": 256}
"""Of the pictures each network was published for."""
ACTIVATIONS = ("elu", "relu", "lrelu", "swish")


class Ncsnv2(SingleFile[dict[str, Any]]):
    name = "ncsnv2"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets, "the order in it")
        shapes = {name: tensor.shape for name, tensor in sets[weights].items()}
        kind = "NCSNv2Deepest" if "res31.0.conv1.weight" in shapes else "NCSNv2Deeper"
        kind = kind if "res5.0.conv1.weight" in shapes else "NCSNv2"
        features, channels = shapes["begin_conv.weight"][:2]
        evidence.add("network", f"{kind}, {features} features", "inferred", "names of the weights")
        values, yaml = read_yaml_beside(checkpoint.path)
        data, model = Fields(nested(values, "data"), yaml), Fields(nested(values, "model"), yaml)
        if data.boolean("logit_transform", default=False):
            raise ModelError("The network was trained on logits of its pictures (logit_transform), which is not read.")
        rescaled = data.boolean("rescaled", default=False)
        where = yaml if "rescaled" in data else "ermongroup's configurations"
        side = data.integer("image_size", None, 1, 4096)
        guess = Candidate((SIZES[kind], SIZES[kind]), "inferred", f"what {kind} was published for")
        own = Candidate((side, side), "file", yaml) if side else guess
        levels = {"NCSNv2": 1, "NCSNv2Deeper": 2, "NCSNv2Deepest": 3}[kind]
        size = context.size(own, (32, 32), 1 << levels)
        T, least, most = _levels(checkpoint, sets[weights])
        evidence.add("T", T, "file", "sigmas")
        evidence.add("noise schedule", f"geometric, σ {least:g} … {most:g}", "file", "sigmas")
        activation = model.choice("nonlinearity", "elu", ACTIVATIONS)
        network = {"kind": kind, "channels": channels, "features": features, "activation": activation}
        return Plan(
            network={**network, "centred": not rescaled},
            shape=(channels, *size),
            schedule=ScheduleSpec("geometric", T, {"sigma_min": least, "sigma_max": most}),
            prediction=Candidate("score", "default", "the program predicts scores alone"),
            value_range=Candidate(
                (-1.0, 1.0) if rescaled else (0.0, 1.0), "file" if "rescaled" in data else "default", where
            ),
            sampler_defaults={"clip": False},
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
        import torch

        from explorer.formats.call import TimedCall, sigma
        from explorer.formats.tensors import fill
        from explorer.networks.ncsnv2 import NcsnConfig, NcsnV2

        sets = _sets(checkpoint)
        tensors = dict(sets[plan.weights])
        tensors.pop("sigmas", None)
        with torch.device("meta"):  # shapes without memory
            module = NcsnV2(NcsnConfig(**plan.network))
        fill(module, checkpoint.weights(tensors), device)
        return TimedCall(module, schedule, sigma)


FORMAT = Ncsnv2()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first, each with the noise levels, which are only in the raw one."""
    places: dict[str, tuple[Any, ...]] = {"ema": (4,), "raw": (0,)}
    if isinstance(checkpoint.content, Mapping):
        places = {"raw": ()}
    found = {}
    for name, place in places.items():
        tensors = {key.removeprefix("module."): value for key, value in checkpoint.tensors(*place).items()}
        if all(sign in tensors for sign in SIGNS):
            found[name] = tensors
    sigmas = found.get("raw", {}).get("sigmas")
    if sigmas is None:
        return {}
    return {name: {"sigmas": sigmas, **tensors} for name, tensors in found.items()}


def _levels(checkpoint: Checkpoint, tensors: Mapping[str, TensorRef]) -> tuple[int, float, float]:
    """How many noise levels there are, the least and the greatest. Raises ModelError."""
    sigmas = checkpoint.numbers(tensors["sigmas"])
    if len(sigmas) < 2 or not all(math.isfinite(level) and level > 0 for level in sigmas) or sigmas[0] <= sigmas[-1]:
        raise ModelError("The file's noise levels (sigmas) are no row that falls to a positive one.")
    ratio = (sigmas[-1] / sigmas[0]) ** (1 / (len(sigmas) - 1))
    if any(abs(level / (sigmas[0] * ratio**i) - 1) > 1e-3 for i, level in enumerate(sigmas)):
        raise ModelError("The file's noise levels (sigmas) are not geometric, as those of all published models are.")
    return len(sigmas), sigmas[-1], sigmas[0]
