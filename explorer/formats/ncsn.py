"""Song & Ermon's score networks: `checkpoint_N.pth` of ermongroup/ncsn (2019) and ncsnv2 (2020), YAML beside.

    [model, optimizer]                           ncsn
    [model, optimizer, epoch, step, average]     ncsnv2, which saves networks of the first kind too
    {model, optimizer, ema, step}                the same networks in score_sde_pytorch

The network returns the score itself, at L noise levels. Those of NCSNv2 are in the file, from the highest down;
a first network has a table of so many rows in every normalisation, and σ is in its YAML alone. Our t = 1 is the last
level. Data lie in 0 … 1, unless the configuration says that they are rescaled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ProposedSampler
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.corrections import ACTIVATIONS
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.listed_average import listed_average
from explorer.formats.references import TensorRef
from explorer.formats.score_sde_schedule import level_number
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule
    from explorer.facts import Source

SIGNS = ("begin_conv.weight", "end_conv.weight", "res1.0.conv1.weight", "refine1.adapt_convs.0.1_1_conv.weight")
TABLE, SCALE = "normalizer.embed.weight", "normalizer.gamma"
"""One of them is there: numbers for each noise level, or for all."""
SIDES = (32, 128, 256)
"""Of the pictures that a network was published for, by its number of levels from 4 on."""
MNIST_SIDE = 28
"""Of the pictures of one channel that a first network was published for."""
SIGMAS = (1.0, 0.01)
"""Of ermongroup/ncsn's configuration."""
KNOWN_BY_NUMBER = "the network knows its own noise levels by number"
PROGRAM = "ermongroup's configurations"


@dataclass(frozen=True)
class Network:
    """arguments: of NcsnConfig."""

    arguments: dict[str, Any]


class ScoreNetwork(SingleFile[Network]):
    name = "ncsn"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) or _normed(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets = context.evidence, _sets(checkpoint)
        if not sets:
            raise ModelError("The score network's weights are normalised spectrally (spec_norm), which is not read.")
        weights = context.weight_set(sets, "the order in it")
        shapes = {name: tensor.shape for name, tensor in sets[weights].items()}
        stages = 2 if "res31.0.conv1.weight" in shapes else 1 if "res5.0.conv1.weight" in shapes else 0
        kind = ("NCSNv2", "NCSNv2Deeper", "NCSNv2Deepest")[stages]
        levels = shapes[TABLE][0] if TABLE in shapes else 0
        title = kind.replace("v2", "") if levels else kind
        features, channels = shapes["begin_conv.weight"][:2]
        evidence.add("network", f"{title}, {features} features", "inferred", "names of the weights")
        values, yaml = read_yaml_beside(checkpoint.path)
        data, model = Fields(nested(values, "data"), yaml), Fields(nested(values, "model"), yaml)
        if data.boolean("logit_transform", default=False):
            raise ModelError("The network was trained on logits of its pictures (logit_transform), which is not read.")
        rescaled = data.boolean("rescaled", default=False)
        where = yaml if "rescaled" in data else PROGRAM
        side = data.integer("image_size", None, 1, 4096)
        usual = MNIST_SIDE if levels and channels == 1 else SIDES[stages]
        guess = Candidate((usual, usual), "inferred", f"what {title} was published for")
        own_size = Candidate((side, side), "file", yaml) if side else guess
        shape = context.shape(channels, own_size, multiple=2 << stages)
        sigmas = _sigmas(checkpoint, sets[weights], levels, model, yaml, context)
        said = Candidate(model.choice("nonlinearity", None, ACTIVATIONS), "file", yaml)
        activation = context.choose("activation", "activation", said, default="elu", where=PROGRAM)
        network = {"kind": kind, "channels": channels, "features": features, "activation": activation}
        sampling = Fields(nested(values, "sampling"), yaml)
        return Plan(
            network=Network({**network, "centred": not rescaled, "levels": levels}),
            settings={"activation": activation},
            shape=shape,
            schedule=_schedule(sigmas),
            prediction=Candidate("score", "default", "the program predicts scores alone"),
            value_range=Candidate(
                (-1.0, 1.0) if rescaled else (0.0, 1.0), "file" if "rescaled" in data else "default", where
            ),
            sampler_defaults={"clip": False},
            weight_sets=tuple(sets),
            weights=weights,
            fixed=dict.fromkeys(("T", "time_scale"), KNOWN_BY_NUMBER) if levels else {},
            proposed=_sampler(sigmas, levels > 0, sampling, yaml, context),
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[Network],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:

        from explorer.formats.call import TimedCall, sigma
        from explorer.formats.tensors import filled
        from explorer.networks.ncsn import Ncsn, NcsnConfig

        tensors = dict(_sets(checkpoint)[plan.weights])
        tensors.pop("sigmas", None)
        config = NcsnConfig(**plan.network.arguments)
        module = filled(lambda: Ncsn(config), checkpoint.weights(tensors), device)
        return TimedCall(module, schedule, level_number if config.levels else sigma)


FORMAT = ScoreNetwork()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first, each with the noise levels, which are only in the raw one."""
    raw = _plain(checkpoint.tensors("model") or checkpoint.tensors() or checkpoint.tensors(0))
    trained = {name: tensor for name, tensor in raw.items() if name != "sigmas"}
    average = _plain(checkpoint.tensors(4)) or listed_average(checkpoint, trained)
    sets = {"ema": average, "raw": raw}
    found = {
        name: tensors
        for name, tensors in sets.items()
        if all(sign in tensors for sign in SIGNS) and (TABLE in tensors or SCALE in tensors)
    }
    sigmas = raw.get("sigmas")
    if sigmas is None:
        return found if all(TABLE in tensors for tensors in found.values()) else {}
    return {name: {"sigmas": sigmas, **tensors} for name, tensors in found.items()}


def _normed(checkpoint: Checkpoint) -> bool:
    """True for a network of this kind whose convolutions are kept as matrices to be divided by their norms."""
    raw = _plain(checkpoint.tensors("model") or checkpoint.tensors() or checkpoint.tensors(0))
    return all(sign in raw or f"{sign}_orig" in raw for sign in SIGNS) and any(name.endswith("_orig") for name in raw)


def _plain(tensors: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """Without the prefix of parallel training."""
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _sigmas(
    checkpoint: Checkpoint,
    tensors: Mapping[str, TensorRef],
    levels: int,
    model: Fields,
    yaml: str,
    context: Context,
) -> tuple[float, ...]:
    """The noise levels from the highest down. Raises ModelError for none."""
    evidence = context.evidence
    if "sigmas" in tensors:
        sigmas = checkpoint.numbers(tensors["sigmas"])
        evidence.add("T", len(sigmas), "file", "sigmas")
    else:
        first, last = model.number("sigma_begin", SIGMAS[0], 1e-9, 1e6), model.number("sigma_end", SIGMAS[1], 1e-9, 1e6)
        steps = [i / max(levels - 1, 1) for i in range(levels)]
        if model.choice("sigma_dist", "geometric", ("geometric", "uniform")) == "uniform":
            sigmas = tuple(first + (last - first) * u for u in steps)
        else:
            sigmas = tuple(first * (last / first) ** u for u in steps)
        evidence.add("T", levels, "inferred", "the rows of its tables")
        if "sigma_begin" not in model and not context.said("schedule"):
            evidence.warn(
                f"The file does not hold its noise levels: {levels} from {first:g} to {last:g} are taken, ermongroup's "
                "own. If pictures come out wrong, put the project's config.yml beside it."
            )
    if len(sigmas) < 2 or not all(math.isfinite(a) and a > b > 0 for a, b in pairwise(sigmas)):
        raise ModelError("The file's noise levels (sigmas) are no row that falls to a positive one.")
    if levels and levels != len(sigmas):
        raise ModelError(f"The file has {len(sigmas)} noise levels, but its network knows {levels}.")
    where = "sigmas" if "sigmas" in tensors else yaml if "sigma_begin" in model else PROGRAM
    text = "geometric" if _schedule(sigmas).name == "geometric" else f"{len(sigmas)} trained levels"
    source: Source = "default" if where == PROGRAM else "file"
    evidence.add("noise schedule", f"{text}, σ {sigmas[-1]:g} … {sigmas[0]:g}", source, where)
    return sigmas


def _schedule(sigmas: tuple[float, ...]) -> ScheduleSpec:
    ratio = (sigmas[-1] / sigmas[0]) ** (1 / (len(sigmas) - 1))
    if all(abs(level / (sigmas[0] * ratio**i) - 1) < 1e-5 for i, level in enumerate(sigmas)):
        return ScheduleSpec("geometric", len(sigmas), {"sigma_min": sigmas[-1], "sigma_max": sigmas[0]})
    return ScheduleSpec("trained levels", len(sigmas), sigmas=tuple(reversed(sigmas)))


def _sampler(sigmas: tuple[float, ...], first: bool, sampling: Fields, yaml: str, context: Context) -> ProposedSampler:
    """Annealed Langevin at the network's own levels. The program's step_lr is c at the last level, half of our ε.

    first: of a network of 2019.
    """
    step = sampling.number("step_lr", 2e-5 if first else 6.2e-6, 1e-12, 1.0)
    each = sampling.integer("n_steps_each", 100 if first else 5, 1, 1000)
    where = yaml if "step_lr" in sampling else PROGRAM
    text = f"annealed Langevin, {each} steps of {step:g} (σ/σ_L)² at each level"
    context.evidence.add("sampler", text, "default" if where == PROGRAM else "file", where)
    parameters = {
        "step_size": min(2 * step / sigmas[-1] ** 2, 2.0),
        "steps_per_level": each,
        "sigma_max": sigmas[0],
        "sigma_min": sigmas[-1],
        "denoise": sampling.boolean("denoise", default=not first),
        "start": "uniform",
    }
    if _schedule(sigmas).name != "geometric":
        parameters["ladder"] = "even in t"
    return ProposedSampler("annealed_langevin", len(sigmas), parameters)
