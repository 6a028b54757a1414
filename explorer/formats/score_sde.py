"""score_sde_pytorch: `checkpoint_N.pth` with NCSN++ or DDPM++ (Song et al. 2021), {optimizer, model, ema, step}.

Its network is a list of modules in the order they are used; by other names it is the SongUNet of
`networks/edm_unet.py`, which Karras et al. made of it. The average is kept as a list in the order of the parameters.
The configuration is not in the file: what is taken is that of the published models.

    DDPM++  (sines of the time)          VP, label 999 u with u = t/T, output −s · score = ε̂; data in −1 … 1
    NCSN++  (random Fourier features)    VE, label σ, output the score itself; data in 0 … 1, moved to −1 … 1 inside

Networks with sines of the time were also trained on the sub-VP SDE, on the 1000 β of Ho et al. 2020, and on VE with
1000 levels (label N − t, the output divided by σ, data in 0 … 1). No file says so: these are presets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.listed_average import listed_average
from explorer.formats.references import TensorRef
from explorer.formats.score_sde_keys import Network, read_network, read_tensor
from explorer.formats.score_sde_schedule import (
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

PRESETS = (VP, SUB_VP, VP_DISCRETE, DISCRETE)


class ScoreSde(SingleFile[Network]):
    name = "score_sde"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets)
        network, side = read_network({name: tensor.shape for name, tensor in sets[weights].items()})
        exploding, arguments = network.exploding, network.arguments
        kind = "NCSN++" if exploding else "DDPM++"
        evidence.add("network", f"{kind}, {arguments['model_channels']} features", "inferred", "the list of modules")
        guess = Candidate((side, side) if side else None, "inferred", "the level of attention")
        shape = context.shape(arguments["in_channels"], guess, multiple=2 ** (len(arguments["channel_mult"]) - 1))
        sde = "" if exploding else choose_sde(PRESETS, context)
        schedule, sigmas = schedule_of(checkpoint, exploding, sde, context)
        network = replace(network, sigmas=sigmas)
        in_unit = exploding or sde == DISCRETE
        return Plan(
            network=network,
            shape=shape,
            schedule=schedule,
            prediction=Candidate("score" if in_unit else "eps", "inferred", sde or kind),
            value_range=Candidate((0.0, 1.0) if in_unit else (-1.0, 1.0), "inferred", sde or kind),
            presets=PRESETS if sde else (),
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
        import torch

        from explorer.formats.call import TimedCall, sigma
        from explorer.formats.tensors import Weights, fill
        from explorer.networks.edm_unet import EdmConfig, EdmUnet

        sets = _sets(checkpoint)
        tensors = sets[plan.weights]
        network, exploding = plan.network, plan.network.exploding
        with torch.device("meta"):  # shapes without memory
            module = EdmUnet(EdmConfig(**network.arguments))
        made: dict[str, Tensor] = {}
        for name, meta in module.state_dict().items():
            if name.endswith("resample_filter"):
                taps = torch.tensor(network.arguments["resample_filter"], dtype=torch.float32)
                made[name] = (taps.outer(taps) / taps.sum() ** 2)[None, None]
            else:
                made[name] = read_tensor(checkpoint, tensors, network.places, name, tuple(meta.shape))
        shapes = {name: tuple(tensor.shape) for name, tensor in made.items()}
        fill(module, Weights(checkpoint.path.name, shapes, made.pop), device)

        def call(x: Tensor, labels: Tensor) -> Tensor:
            output: Tensor = module(2 * x - 1, labels.log()) if exploding else module(x, labels)
            return output / labels[:, None, None, None] if exploding else output

        if network.sigmas:
            return TimedCall(by_level(module, network.sigmas, device), schedule, level_number)
        return TimedCall(call, schedule, sigma if exploding else label)


FORMAT = ScoreSde()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first."""
    raw = {name.removeprefix("module."): value for name, value in checkpoint.tensors("model").items()}
    raw = {name: value for name, value in raw.items() if name.startswith(PREFIX)}
    if not any(name.endswith(".NIN_0.W") for name in raw) or not any(name.endswith(".Dense_0.weight") for name in raw):
        return {}
    trained = {name: tensor for name, tensor in raw.items() if not re.fullmatch(r"all_modules\.0\.W", name)}
    average = listed_average(checkpoint, trained)
    return {"ema": {**raw, **average}, "raw": raw} if average else {"raw": raw}
