"""What the list of modules in a file of score_sde_pytorch is, as the SongUNet of `networks/edm_unet.py`.

The modules have numbers for names, in the order they are used: what each of them is shows in the names and shapes of
its parameters, and what the whole network is in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.references import TensorRef
from explorer.formats.score_sde_schedule import ATTENTION_SIDE, PREFIX

if TYPE_CHECKING:  # facts are read without torch
    from torch import Tensor

MAX_MODULES = 1000


@dataclass(frozen=True)
class Network:
    """exploding: VE. arguments: of EdmConfig. places: where each of its parts lies in the list of modules."""

    exploding: bool
    arguments: dict[str, Any]
    places: dict[str, int]
    sigmas: tuple[float, ...] = ()
    """Of VE in discrete levels: σ by label, falling."""


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


def read_network(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Network, int | None]:
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


def read_tensor(
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
