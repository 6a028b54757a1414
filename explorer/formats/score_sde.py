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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
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

PRESETS = (VP, SUB_VP, VP_DISCRETE, DISCRETE)
MAX_MODULES = 1000


@dataclass(frozen=True)
class Network:
    """exploding: VE. arguments: of EdmConfig. places: where each of its parts lies in the list of modules."""

    exploding: bool
    arguments: dict[str, Any]
    places: dict[str, int]
    sigmas: tuple[float, ...] = ()
    """Of VE in discrete levels: σ by label, falling."""


class ScoreSde(SingleFile[Network]):
    name = "score_sde"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets = context.evidence, _sets(checkpoint)
        weights = context.weight_set(sets)
        network, side = _network({name: tensor.shape for name, tensor in sets[weights].items()})
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
                made[name] = _tensor(checkpoint, tensors, network.places, name, tuple(meta.shape))
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


def _kinds(shapes: Mapping[str, tuple[int, ...]]) -> tuple[list[str], list[int]]:
    """What each module in the list is, and its place there. Those without parameters, which the program's first
    versions kept in the list too, are left out."""
    inside: dict[int, set[str]] = {}
    for name in shapes:
        number, _, rest = name.removeprefix(PREFIX).partition(".")
        inside.setdefault(int(number), set()).add(rest)
    if max(inside) > MAX_MODULES:
        raise ModelError("The file describes more modules than any network has, so it was not opened.")
    kinds, numbers = [], sorted(inside)
    for place in numbers:
        names = inside[place]
        if "Dense_0.weight" in names:
            same = shapes[f"{PREFIX}{place}.Conv_0.weight"][0] == shapes[f"{PREFIX}{place}.Conv_0.weight"][1]
            kinds.append("resample" if same and "Conv_2.weight" in names else "block")
        elif "NIN_0.W" in names:
            kinds.append("attention")
        elif "Conv_0.weight" in names:
            kinds.append("combination")
        elif "Conv2d_0.weight" in names:
            kinds.append("pyramid")
        elif "W" in names:
            kinds.append("fourier")
        elif "weight" in names:
            kinds.append({1: "norm", 2: "linear", 4: "conv"}.get(len(shapes[f"{PREFIX}{place}.weight"]), "?"))
        else:
            kinds.append("?")
    return kinds, numbers


def _network(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Network, int | None]:
    """The network, and the pictures' size that the place of attention tells. Raises ModelError."""
    try:
        kinds, numbers = _kinds(shapes)
        shapes = _counted(shapes, numbers)
        if "?" in kinds:
            raise ModelError(
                "The file's network has parts that neither NCSN++ nor DDPM++ has (BigGAN blocks are read)."
            )
        exploding = kinds[0] == "fourier"
        start = kinds.index("conv")
        resamples = kinds.count("resample")
        levels, middle = resamples // 2 + 1, start
        for _ in range(levels - 1):
            middle = kinds.index("resample", middle + 1)
        first_end = kinds.index("resample") if resamples else len(kinds)
        blocks = kinds[start:first_end].count("block") if resamples else (kinds.count("block") - 3) // 2
        # Each level of the way down, from its first block on.
        place, mults, attention = start + 1, [], []
        features = shapes[f"{PREFIX}{start}.weight"][0]
        for level in range(levels):
            mults.append(shapes[f"{PREFIX}{place}.Conv_0.weight"][0] // features)
            attention.append(kinds[place + 1] == "attention")
            place += blocks * (2 if attention[-1] else 1)
            if level < levels - 1:
                place += 2 if kinds[place + 1] in ("pyramid", "combination") else 1
        skip_out = kinds.count("norm") > 1
        encoder = "residual" if "pyramid" in kinds else "skip" if "combination" in kinds else "standard"
        side = ATTENTION_SIDE << attention.index(True) if any(attention) else None
        # Names in the network carry sizes: those that put attention where the file has it.
        resolution = 1 << 12
        arguments = {
            "song": True,
            "img_resolution": resolution,
            "in_channels": shapes[f"{PREFIX}{start}.weight"][1],
            "out_channels": shapes[f"{PREFIX}{len(kinds) - 1}.weight"][0] if kinds[-1] == "conv" else 3,
            "model_channels": features,
            "channel_mult": tuple(mults),
            "num_blocks": blocks,
            "attn_resolutions": tuple(resolution >> level for level in range(levels) if attention[level]),
            "embedding_type": "fourier" if exploding else "positional",
            "channel_mult_noise": 2 if exploding else 1,
            "encoder_type": encoder,
            "decoder_type": "skip" if skip_out else "standard",
            "resample_filter": (1, 1) if encoder == "standard" and not exploding else (1, 3, 3, 1),
        }
        places = _places(kinds, arguments, attention)
        return Network(exploding, arguments, {part: numbers[place] for part, place in places.items()}), side
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(f"The file's network is not whole, or of another kind: {error}.") from error


def _counted(shapes: Mapping[str, tuple[int, ...]], numbers: list[int]) -> dict[str, tuple[int, ...]]:
    """The shapes with the modules counted one after the other. numbers: what the file calls them."""
    found = {}
    for name, shape in shapes.items():
        number, _, rest = name.removeprefix(PREFIX).partition(".")
        found[f"{PREFIX}{numbers.index(int(number))}.{rest}"] = shape
    return found


def _places(kinds: list[str], arguments: Mapping[str, Any], attention: list[bool]) -> dict[str, int]:
    """Where the parts of SongUNet lie in the list, by their names there; "NAME+" is the attention of a block."""
    found: dict[str, int] = {}
    place = 0

    def take(name: str, kind: str) -> None:
        nonlocal place
        if kinds[place] != kind:
            raise ModelError(f"The file's network has a {kinds[place]} where a {kind} is expected.")
        found[name] = place
        place += 1

    levels, blocks, skip = len(attention), arguments["num_blocks"], arguments["decoder_type"] == "skip"
    sides = [
        f"{arguments['img_resolution'] >> level}x{arguments['img_resolution'] >> level}" for level in range(levels)
    ]
    if kinds[0] == "fourier":
        take("map_noise", "fourier")
    take("map_layer0", "linear")
    take("map_layer1", "linear")
    take(f"enc.{sides[0]}_conv", "conv")
    for level, at in enumerate(sides):
        if level:
            take(f"enc.{at}_down", "resample")
            if arguments["encoder_type"] == "residual":
                take(f"enc.{at}_aux_residual", "pyramid")
            elif arguments["encoder_type"] == "skip":
                take(f"enc.{at}_aux_skip", "combination")
        for i in range(blocks):
            take(f"enc.{at}_block{i}", "block")
            if attention[level]:
                take(f"enc.{at}_block{i}+", "attention")
    take(f"dec.{sides[-1]}_in0", "block")
    take(f"dec.{sides[-1]}_in0+", "attention")
    take(f"dec.{sides[-1]}_in1", "block")
    for level, at in reversed(list(enumerate(sides))):
        if level < levels - 1:
            take(f"dec.{at}_up", "resample")
        for i in range(blocks + 1):
            take(f"dec.{at}_block{i}", "block")
        if attention[level]:
            take(f"dec.{at}_block{blocks}+", "attention")
        if skip or level == 0:
            take(f"dec.{at}_aux_norm", "norm")
            take(f"dec.{at}_aux_conv", "conv")
    return found


_AUXILIARY = {"residual": "Conv2d_0.", "skip": "Conv_0."}
_BLOCK = {
    "norm0": "GroupNorm_0",
    "conv0": "Conv_0",
    "affine": "Dense_0",
    "norm1": "GroupNorm_1",
    "conv1": "Conv_1",
    "skip": "Conv_2",
}


def _tensor(
    checkpoint: Checkpoint,
    tensors: Mapping[str, TensorRef],
    places: Mapping[str, int],
    name: str,
    shape: tuple[int, ...],
) -> Tensor:
    """The parameter of SongUNet called `name`. Raises ModelError where the file has none."""
    import torch

    def read(part: str, rest: str) -> Tensor:
        return checkpoint.tensor(tensors[f"{PREFIX}{places[part]}.{rest}"]).float()

    *path, kind = name.split(".")
    try:
        if name == "map_noise.freqs":
            return read("map_noise", "W")
        part, inner = ".".join(path[:2]), path[2] if len(path) > 2 else ""
        letter = "W" if kind == "weight" else "b"
        if inner == "norm2":
            return read(f"{part}+", f"GroupNorm_0.{kind}")
        if inner == "qkv":  # channels are (channel, q k v)
            three = torch.stack([read(f"{part}+", f"NIN_{i}.{letter}").t().contiguous() for i in range(3)], dim=1)
            return three.reshape(shape)
        if inner == "proj":
            return read(f"{part}+", f"NIN_3.{letter}").t().contiguous().reshape(shape)
        if inner:
            return read(part, f"{_BLOCK[inner]}.{kind}")
        return read(part, _AUXILIARY.get(part.rpartition("_")[2], "") + kind)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{checkpoint.path.name} is not whole: {name} is missing or of another shape.") from error
