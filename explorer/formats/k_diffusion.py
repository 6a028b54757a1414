"""k-diffusion (Crowson): a U-Net “image_v1”, or a transformer, with its configuration, a JSON object.

    NAME.safetensors    one set of weights, the configuration in the header's “config”
    NAME.pth            {model, model_ema, opt, …, config}; earlier ones without config, which is NAME.json then

The network is preconditioned as Karras et al. 2022 have it, for data of the scale sigma_data: it returns x̂₀ of
x₀ + σ ε, with data in −1 … 1. Of a network with classes, the label behind them is the one for none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats import k_transformer
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields, read_json, short
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor, nn

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

SIGNS = ("timestep_embed.weight", "proj_in.weight", "mapping.0.weight", "u_net.d_blocks.0.1.main.0.mapper.weight")
TYPE = "image_v1"
AUGMENTED = 9
"""Numbers that tell a network how its picture was distorted: zeros, outside of training."""
T = 1000
MAX_WIDTH, MAX_CLASSES = 8192, 100_000


@dataclass(frozen=True)
class Network:
    """arguments: of KConfig, or of KTransformerConfig as plain values."""

    type: str
    arguments: dict[str, Any]
    sigma_data: float


class KDiffusion(SingleFile[Network]):
    name = "k-diffusion"

    def recognise(self, checkpoint: Checkpoint) -> float:
        if _sets(checkpoint):
            return 0.9
        kind = _inside(checkpoint).get("model")
        return 0.5 if isinstance(kind, Mapping) and str(kind.get("type"))[:6] == "image_" else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets = context.evidence, _sets(checkpoint)
        config, where = _config(checkpoint)
        model = config.object("model")
        if model is None:
            raise ModelError(
                f"{checkpoint.path.name} does not hold its configuration: put the JSON file that it was trained with "
                f"beside it, as {checkpoint.path.stem}.json."
            )
        kind = model.values.get("type")
        if kind not in (TYPE, *k_transformer.TYPES) or not sets:
            raise ModelError(
                f"The file's network is of the type {short(kind)}: of k-diffusion's, {TYPE}, "
                f"{' and '.join(k_transformer.TYPES)} are read."
            )
        weights = context.weight_set(sets)
        shapes = {name: tensor.shape for name, tensor in sets[weights].items()}
        classes = (config.object("dataset") or Fields({}, where)).integer("num_classes", 0, 0, MAX_CLASSES)
        height, width = model.integers("input_size", 1, 4096, 2) or (None, None)
        given = (height, width) if height and width else None
        if kind == TYPE:
            arguments, classes = _arguments(model), 0
            widths, multiple = arguments["widths"], _multiple(arguments)
            unseen = arguments["vector"] > AUGMENTED or (arguments["vector"] and not _augmented(model))
        else:
            classes = classes if "class_emb.weight" in shapes else 0
            arguments = k_transformer.read_transformer(model, classes, shapes)
            widths, multiple = [level["width"] for level in arguments["levels"]], k_transformer.multiple(arguments)
            unseen = arguments["vector"] > 0
        text = "·".join(map(str, widths))
        evidence.add("network", f"{kind}, channels {text}", "file", where)
        shape = context.shape(arguments["channels"], Candidate(given, "file", where), multiple=multiple)
        if kind != TYPE:
            k_transformer.check_size(arguments, shape[1:])
        sigma_data = model.number("sigma_data", 1.0, 1e-6, 1e6)
        least = model.number("sigma_min", 0.01, 1e-9, 1e6)
        most = model.number("sigma_max", 80.0, 1e-9, 1e6)
        for key, value in (("first σ", least), ("last σ", most), ("sigma_data", sigma_data)):
            evidence.add(key, f"{value:g}", "file", where)
        evidence.add("T", T, "default", "times are the noise levels of Karras et al., ρ = 7")
        evidence.add("noise schedule", "karras", "default", "the library's samplers")
        if unseen:
            evidence.warn("The network was trained with a condition beside the noise level: it is given zeros.")
        return Plan(
            network=Network(kind, arguments, sigma_data),
            shape=shape,
            schedule=ScheduleSpec("karras", T, {"sigma_min": least, "sigma_max": most}),
            prediction=Candidate("x0", "file", "the preconditioning"),
            value_range=Candidate((-1.0, 1.0), "default", "the library's training code"),
            embeddings=classes + 1 if classes else 0,
            null_label=Candidate(classes or None, "file", where),
            sampler_defaults={"clip": False, "spacing": "karras"},
            weight_sets=tuple(sets),
            weights=weights,
            fixed={"prediction": "the preconditioning makes x̂₀ of whatever the network says"},
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

        sets = _sets(checkpoint)
        module = filled(lambda: _module(plan.network), checkpoint.weights(sets[plan.weights]), device)
        sigma_data = plan.network.sigma_data

        def denoise(x: Tensor, sigmas: Tensor, *labels: Tensor) -> Tensor:
            total = float(sigmas[0]) ** 2 + sigma_data**2
            made = module(x / total**0.5, sigmas, *labels)
            result: Tensor = made * (float(sigmas[0]) * sigma_data / total**0.5) + x * (sigma_data**2 / total)
            return result

        return TimedCall(denoise, schedule, sigma, no_label)


FORMAT = KDiffusion()


def _module(network: Network) -> nn.Module:
    from explorer.networks.k_attention import Attention
    from explorer.networks.k_transformer import KTransformer, KTransformerConfig, LevelConfig
    from explorer.networks.k_unet import KConfig, KUnet

    if network.type == TYPE:
        return KUnet(KConfig(**network.arguments))
    levels = [
        LevelConfig(**{**level, "attention": Attention(**level["attention"])}) for level in network.arguments["levels"]
    ]
    return KTransformer(KTransformerConfig(**{**network.arguments, "levels": tuple(levels)}))


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The sets of weights by name, the average first."""
    found = {}
    for name, place in {"ema": ("model_ema",), "raw": ("model",), "": ()}.items():
        tensors = {key.removeprefix("inner_model."): value for key, value in checkpoint.tensors(*place).items()}
        if any(all(sign in tensors for sign in signs) for signs in (SIGNS, k_transformer.SIGNS)):
            found[name or "weights"] = tensors
    return found


def _inside(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """The configuration in a file, {} where there is none."""
    held = checkpoint.get("config")
    text = checkpoint.metadata.get("config")
    if isinstance(text, str):
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            held = None
    return held if isinstance(held, Mapping) else {}


def _config(checkpoint: Checkpoint) -> tuple[Fields, str]:
    """The configuration, and where it stands. Raises ModelError for a file beside that is no JSON."""
    where = checkpoint.path.name
    values = dict(_inside(checkpoint))
    beside = checkpoint.path.with_suffix(".json")
    if not values and beside.is_file():
        where, values = beside.name, read_json(beside, beside.name)
    return Fields(values, where), where


def _augmented(model: Fields) -> bool:
    return model.boolean("augment_wrapper", default=True)


def _arguments(model: Fields) -> dict[str, Any]:
    """Those of KConfig. Raises ModelError for impossible ones."""
    for key in ("unet_cond_dim", "cross_cond_dim"):
        if model.integer(key, 0, 0, 1_000_000):
            raise ModelError(f"The network is conditioned on pictures or texts ({key}), which are not read.")
    channels, features = model.integer("input_channels", None, 1, 64), model.integer("mapping_out", None, 2, MAX_WIDTH)
    depths, widths = model.integers("depths", 1, 64, 12), model.integers("channels", 1, MAX_WIDTH, 12)
    attention = model.values.get("self_attn_depths")
    whole = channels and features and depths and widths and len(depths) == len(widths)
    if not whole or not isinstance(attention, list) or not all(isinstance(here, bool) for here in attention):
        raise ModelError(f"{model.label} does not describe a whole network of the type {TYPE}.")
    if len(attention) != len(widths or ()):
        raise ModelError(f"{model.label} does not describe a whole network of the type {TYPE}.")
    vector = model.integer("mapping_cond_dim", 0, 0, 100_000) + (AUGMENTED if _augmented(model) else 0)
    return {
        "channels": channels,
        "features": features,
        "depths": depths,
        "widths": widths,
        "attention": tuple(attention),
        "patch": model.integer("patch_size", 1, 1, 64),
        "vector": vector,
        "skip_stages": model.integer("skip_stages", 0, 0, len(attention) - 1),
        "variance": model.boolean("has_variance", default=False),
    }


def _multiple(arguments: Mapping[str, Any]) -> int:
    """What the sides of pictures must be divisible by."""
    multiple: int = arguments["patch"] << (len(arguments["widths"]) - 1 - arguments["skip_stages"])
    return multiple
