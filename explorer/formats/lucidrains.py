"""Checkpoints of lucidrains' denoising-diffusion-pytorch: what its Trainer saves, or a state dict of its parts.

    {step, model, opt, ema, scaler, version}     `model.*` of GaussianDiffusion; `ema_model.model.*` of its average
    model.*, betas, loss_weight, …               GaussianDiffusion alone
    init_conv.weight, downs.0.0.…                the Unet alone, which leaves schedule and objective unsaid

Networks of continuous time are settled in `lucidrains_continuous.py`.

β_t are stored, and the objective shows in the loss weights (with SNR_t, possibly cut off above): 1 for ε, SNR for x₀,
SNR/(SNR + 1) for v. The network's index is our t − 1, its data lie in −1 … 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Candidate
from explorer.formats.heads import check_heads
from explorer.formats.lucidrains_continuous import FEATURES, Continuous, network_call, settle
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

LIBRARY = "denoising-diffusion-pytorch"
FIRST = "init_conv.weight"
SIGNS = (FIRST, "mid_block1.block1.proj.weight", "final_conv.weight", "time_mlp.1.weight")
HEADS, HEAD_DIM, GROUPS = 4, 32, 8
"""The library's own, for its releases whose attention does not tell."""
ERAS = ("since 1.8", "before 1.8")
"""Class-conditional networks with group norms, which do not show which of these releases they are of."""
AGREES = 1e-5
"""How far stored β_t, in float32, may be from those of a named schedule."""


@dataclass(frozen=True)
class _Set:
    """One set of weights: the Unet's by its own names, and the numbers of the diffusion beside it."""

    unet: dict[str, TensorRef]
    buffers: dict[str, TensorRef]
    elucidated: bool = False
    learned: bool = False
    """The noise schedule is a network."""


class Lucidrains(SingleFile[dict[str, Any]]):
    name = "lucidrains"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if _sets(checkpoint) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        sets, evidence = _sets(checkpoint), context.evidence
        weights = context.weight_set(sets)
        chosen = sets[weights]
        version = checkpoint.get("version")
        if isinstance(version, str):
            evidence.add("library", f"{LIBRARY} {version[:20]}", "file", "version")
        config = _config(chosen.unet)
        era = ""
        if config["classes"] and not config["rms"]:
            era = context.among("preset", "preset", ERAS, Candidate(_era(version), "inferred", "version"))
            config["modern"] = era == ERAS[0]
            if context.user.preset is None and context.card.preset is None and not isinstance(version, str):
                evidence.warn(
                    f"The file does not say which release it is of: {era} is taken. If pictures come out wrong, choose "
                    "the other preset."
                )
        levels = len(config["full"])
        evidence.add("network", f"Unet, {config['dim']} features, {levels} levels", "inferred", "shapes of the weights")
        settings = _unseen(config, context)
        if config["self_condition"]:
            evidence.warn("The network can be given its last x̂₀ (self-conditioning); it is asked without, as at first.")
        shape = context.shape(config["channels"], Candidate(None, "file"), multiple=2 ** (levels - 1))
        if config["features"]:
            continuous = settle(chosen.elucidated, chosen.learned, context)
        else:
            continuous = Continuous(
                *_diffusion(checkpoint, chosen.buffers, context, config["classes"] > 0), ERAS if era else (), era
            )
        return Plan(
            network=config,
            settings=settings,
            shape=shape,
            schedule=continuous.schedule,
            prediction=continuous.prediction,
            fixed=continuous.fixed,
            value_range=Candidate((-1.0, 1.0), "default", LIBRARY),
            embeddings=config["classes"] + 1 if config["classes"] else 0,
            null_label=Candidate(config["classes"] or None, "inferred", "null_classes_emb"),
            class_names=Candidate(None, "inferred", "classes_emb"),
            presets=continuous.presets,
            preset=continuous.preset,
            learned_variance="range" if config["out_channels"] == 2 * config["channels"] else None,
            sampler_defaults={"clip": True, **continuous.spacing},
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
        from explorer.formats.tensors import filled
        from explorer.networks.lucidrains_unet import LucidrainsConfig, LucidrainsUnet

        sets = _sets(checkpoint)
        chosen = sets[plan.weights]
        module = filled(
            lambda: LucidrainsUnet(LucidrainsConfig(**plan.network)), checkpoint.weights(chosen.unet), device
        )
        if plan.network["features"]:
            return network_call(module, chosen.elucidated, schedule)
        return TimedCall(module, schedule, index, no_label)


FORMAT = Lucidrains()


def _sets(checkpoint: Checkpoint) -> dict[str, _Set]:
    """By name, the average first."""
    found: dict[str, _Set] = {}
    for place in (("ema",), ("model",), ()):
        tensors = checkpoint.tensors(*place)
        for key in tensors:
            prefix = key.removesuffix(FIRST)
            if not key.endswith(FIRST) or "online_model" in key or not all(prefix + sign in tensors for sign in SIGNS):
                continue
            around = prefix.removesuffix("model.")
            unet = {_current(name[len(prefix) :]): value for name, value in tensors.items() if name.startswith(prefix)}
            if around == prefix:  # the Unet alone, or beside the numbers
                unet = {name: value for name, value in unet.items() if "." in name or "emb" in name}
            beside = {name[len(around) :]: value for name, value in tensors.items() if name.startswith(around)}
            buffers = {name: value for name, value in beside.items() if "." not in name}
            learned = any(name.startswith("log_snr.net.") for name in beside)
            chosen = _Set(unet, buffers, prefix.endswith("net."), learned)
            found.setdefault("ema" if place == ("ema",) or "ema" in prefix else "raw", chosen)
    return {name: found[name] for name in ("ema", "raw") if name in found}


def _current(name: str) -> str:
    """The name of today: attention was wrapped in Residual(PreNorm(…)) before 1.8."""
    return name.replace(".fn.fn.", ".").replace(".fn.norm.", ".norm.")


def _config(unet: Mapping[str, TensorRef]) -> dict[str, Any]:
    """The arguments of LucidrainsConfig. Raises ModelError for a Unet of another kind."""
    if "classes_emb.weight" not in unet and "downs.0.3.weight" in unet and unet["downs.0.3.weight"].shape[-1] == 4:
        raise ModelError(
            f"The file is of {LIBRARY} before 1.0, whose networks differ from release to release without its showing: "
            "they are not read."
        )
    try:
        widths, levels = [unet[FIRST].shape[0]], 0
        while f"downs.{levels}.0.block1.proj.weight" in unet:
            step = unet.get(f"downs.{levels}.3.1.weight") or unet[f"downs.{levels}.3.weight"]
            widths.append(step.shape[0])
            levels += 1
        full = tuple(f"downs.{i}.2.to_out.weight" in unet for i in range(levels))
        memory = unet.get("mid_attn.mem_kv")
        heads = [(HEADS, HEAD_DIM)] * levels
        hidden = unet["mid_attn.to_qkv.weight"].shape[0] // 3
        if memory is not None:
            shapes = [unet[f"downs.{i}.2.mem_kv"].shape for i in range(levels)]
            heads = [(s[1], s[3] if whole else s[2]) for s, whole in zip(shapes, full, strict=True)]
        out_channels, in_channels = unet["final_conv.weight"].shape[0], unet[FIRST].shape[1]
        return {
            "channels": in_channels // 2 if in_channels == 2 * out_channels else in_channels,
            "out_channels": out_channels,
            "dim": unet["time_mlp.1.weight"].shape[0] // 4,
            "features": unet[FEATURES].shape[0] if FEATURES in unet else 0,
            "widths": tuple(widths),
            "heads": tuple(count for count, _ in heads),
            "head_dims": tuple(dim for _, dim in heads),
            "full": full,
            "hidden": hidden,
            "memory": memory.shape[2] if memory is not None else 0,
            "modern": memory is not None or "classes_emb.weight" in unet,
            "classes": unet["classes_emb.weight"].shape[0] if "classes_emb.weight" in unet else 0,
            "rms": "mid_block1.block1.norm.g" in unet,
            "self_condition": in_channels == 2 * out_channels,
        }
    except (KeyError, IndexError) as error:
        raise ModelError(f"The file's Unet is not whole: it has no {error}.") from error


def _unseen(config: dict[str, Any], context: Context) -> dict[str, Any]:
    """What the weights do not show, settled and put into the configuration."""
    settings: dict[str, Any] = {}
    if not config["memory"]:
        heads = context.heads(Candidate(None, "file"), str(HEADS), LIBRARY)
        check_heads(heads, config["hidden"])
        count, levels = heads.of(config["hidden"]), len(config["full"])
        config |= {"heads": (count,) * levels, "head_dims": (config["hidden"] // count,) * levels}
        settings["heads"] = str(heads)
    if not config["rms"]:
        groups = context.choose("groups", "groups of norms", default=GROUPS, where=LIBRARY)
        if any(width % groups for width in config["widths"]):
            raise ModelError(f"{groups} groups of norms do not divide {min(config['widths'])} channels.")
        config["groups"] = settings["groups"] = groups
    del config["hidden"]
    return settings


def _era(version: object) -> str | None:
    """The era of a release such as "1.9.4", None where that is not said."""
    numbers = version.split(".")[:2] if isinstance(version, str) else []
    if len(numbers) < 2 or not all(number.isdecimal() and len(number) < 6 for number in numbers):
        return None
    return ERAS[0] if tuple(map(int, numbers)) >= (1, 8) else ERAS[1]


def _diffusion(
    checkpoint: Checkpoint, buffers: Mapping[str, TensorRef], context: Context, classes: bool
) -> tuple[ScheduleSpec, Candidate[PredictionName]]:
    evidence = context.evidence
    if "betas" not in buffers:
        evidence.add("T", 1000, "default", LIBRARY)
        name, said = ("cosine", "cosine") if classes else ("sigmoid_alpha_bar", "sigmoid")
        evidence.add("noise schedule", name, "default", LIBRARY)
        if not (context.said("schedule") and context.said("prediction")):
            evidence.warn(
                "The file holds the network alone: where nothing else is set the library's defaults are taken "
                f"({said} schedule, T = 1000, {'ε' if classes else 'v'}-prediction), and pictures come out wrong if it "
                "was trained otherwise."
            )
        return ScheduleSpec(name, 1000), Candidate("eps" if classes else "v", "default", LIBRARY)
    betas = checkpoint.numbers(buffers["betas"])
    if not betas or not all(0 <= beta <= 1 for beta in betas):
        raise ModelError("The file's betas are no noise schedule: they must lie between 0 and 1.")
    T = len(betas)
    evidence.add("T", T, "file", "the number of betas")
    schedule = _named(betas, context)
    prediction: Candidate[PredictionName] = Candidate(None, "inferred")
    if "loss_weight" in buffers:
        kind = _objective(betas, checkpoint.numbers(buffers["loss_weight"]))
        prediction = Candidate(kind, "inferred", "the loss weights")
    elif "p2_loss_weight" in buffers:
        prediction = Candidate("eps", "default", "releases with p2_loss_weight")
    if prediction.value is None:
        evidence.warn("What the network predicts does not show in the file: ε is taken.")
    return schedule, prediction


def _named(betas: Sequence[float], context: Context) -> ScheduleSpec:
    """The library's schedule that the betas are of; the betas themselves, with a warning, where they are of none."""
    T, evidence = len(betas), context.evidence
    scale = 1000 / T
    linear = {"beta_start": 1e-4 * scale, "beta_end": 0.02 * scale}
    known = {
        "linear": [
            linear["beta_start"] + (linear["beta_end"] - linear["beta_start"]) * i / max(T - 1, 1) for i in range(T)
        ],
        "cosine": _from_alpha_bar(T, lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2),
        "sigmoid_alpha_bar": _from_alpha_bar(T, lambda u: _sigmoid(3) - _sigmoid(6 * u - 3)),
    }
    off = {name: max(abs(a - b) for a, b in zip(betas, own, strict=True)) for name, own in known.items()}
    name = min(off, key=lambda name: off[name])
    if off[name] <= AGREES:
        evidence.add("noise schedule", name, "inferred", f"the stored betas, rebuilt to {off[name]:.0e}")
        return ScheduleSpec(name, T, linear if name == "linear" and T != 1000 else {})
    evidence.add("noise schedule", f"{T} trained betas", "file", "betas")
    evidence.warn(
        f"The stored betas are those of no schedule of the library (nearest: {name}, up to {off[name]:.2g} away); they "
        "are used as they are, and are wrong if an average was taken over them."
    )
    return ScheduleSpec("trained betas", T, betas=tuple(betas))


def _from_alpha_bar(T: int, alpha_bar: Callable[[float], float]) -> list[float]:
    values = [alpha_bar(i / T) for i in range(T + 1)]
    return [min(1 - after / before, 0.999) for before, after in pairwise(values)]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _objective(betas: Sequence[float], weights: Sequence[float]) -> PredictionName | None:
    """What the weights of the loss were made for, told where SNR < 1, which no cut-off reaches; None for neither."""
    signal = list(accumulate((1 - beta for beta in betas), mul))
    known = [(a / (1 - a), w) for a, w in zip(signal, weights, strict=False) if 1e-6 < a < 0.5]
    if not known or any(not w > 0 for _, w in known):
        return None
    expected: dict[PredictionName, Callable[[float], float]] = {
        "eps": lambda snr: 1.0,
        "x0": lambda snr: snr,
        "v": lambda snr: snr / (snr + 1),
    }
    off = {kind: max(abs(math.log(w / of(snr))) for snr, w in known) for kind, of in expected.items()}
    best = min(off, key=lambda kind: off[kind])
    return best if off[best] < 0.05 else None
