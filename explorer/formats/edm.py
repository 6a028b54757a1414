"""NVlabs' EDM pickles (`network-snapshot-*.pkl`, `edm-cifar10-32x32-cond-vp.pkl` …), read without their source.

Such a pickle holds the Python source of its classes and asks to have it run. Here none is: what is taken from the file
are the arguments that the network was made with and its tensors, and the network is our own. It was trained on
x = x_0 + σ n and returns x̂₀ through one of four preconditionings (Karras et al. 2022, table 1):

    x̂₀ = c_skip(σ) x + c_out(σ) F(c_in(σ) x; c_noise(σ), labels)

so the path is variance exploding, and the times are EDM's own noise levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields, short
from explorer.formats.persistent import described, mapping, named_tensors, plain
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

NETWORKS = {"SongUNet": True, "DhariwalUNet": False}
T = 1000

SUCCESSOR = "Precond"
"""The class of EDM2, whose networks are others."""


@dataclass(frozen=True)
class Preconditioning:
    """Where the numbers of one σ come from. kind: the name of NVlabs' class."""

    kind: str
    sigma_data: float = 0.5
    beta_d: float = 19.9
    beta_min: float = 0.1
    M: int = 1000
    C_1: float = 0.001
    C_2: float = 0.008

    def coefficients(self, sigma: float) -> tuple[float, float, float, float]:
        """c_skip, c_out, c_in, c_noise."""
        if self.kind == "EDMPrecond":
            total = math.hypot(sigma, self.sigma_data)
            skip, out = (self.sigma_data / total) ** 2, sigma * self.sigma_data / total
            return skip, out, 1 / total, math.log(sigma) / 4
        if self.kind == "VEPrecond":
            return 1.0, sigma, 1.0, math.log(sigma / 2)
        if self.kind == "VPPrecond":
            root = math.sqrt(self.beta_min**2 + 2 * self.beta_d * math.log1p(sigma**2))
            noise = (self.M - 1) * (root - self.beta_min) / self.beta_d
        else:
            levels = iddpm_levels(self.M, self.C_1, self.C_2)
            noise = self.M - 1 - min(range(len(levels)), key=lambda j: abs(levels[j] - sigma))
        return 1.0, -sigma, 1 / math.hypot(sigma, 1.0), float(noise)


@lru_cache(maxsize=4)
def iddpm_levels(M: int, C_1: float, C_2: float) -> tuple[float, ...]:
    """The σ_j of the improved DDPM, falling to 0 at j = M (Karras et al. 2022, table 1)."""
    alpha_bar = [math.sin(0.5 * math.pi * j / M / (C_2 + 1)) ** 2 for j in range(M + 1)]
    levels = [0.0]
    for j in range(M, 0, -1):
        levels.append(math.sqrt(max((levels[-1] ** 2 + 1) / max(alpha_bar[j - 1] / alpha_bar[j], C_1) - 1, 0)))
    return tuple(reversed(levels))


@dataclass(frozen=True)
class Network:
    preconditioning: Preconditioning
    arguments: dict[str, Any]
    """Of EdmConfig."""


class EDM(SingleFile[Network]):
    name = "edm"

    def recognise(self, checkpoint: Checkpoint) -> float:
        meta = _network(checkpoint)
        return 0.0 if meta is None or meta.get("class_name") == SUCCESSOR else 0.9

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence = context.evidence
        meta = _network(checkpoint)
        assert meta is not None
        kind, state = meta.get("class_name"), mapping(meta.get("state"))
        if not isinstance(kind, str) or kind not in RANGES:
            raise ModelError(f"The file holds a network of the class {short(kind)}: {', '.join(RANGES)} are read.")
        evidence.add("network", kind, "file", "class_name")
        given = Fields(plain(state.get("_init_kwargs")), "the file's arguments")
        inner = described(mapping(state.get("_modules")).get("model"))
        if inner is None or inner.get("class_name") not in tuple(NETWORKS):
            raise ModelError(f"The file's network is none of {', '.join(NETWORKS)}.")
        name = str(inner["class_name"])
        arguments = _arguments(name, Fields(plain(mapping(inner.get("state")).get("_init_kwargs")), name))
        evidence.add("inner network", f"{name}, {arguments['model_channels']} channels", "file", "its arguments")
        side, halvings = arguments["img_resolution"], len(arguments.get("channel_mult", (1, 2, 2, 2))) - 1
        own = Candidate((side, side), "file", "img_resolution")
        shape = context.shape(arguments["in_channels"], own, multiple=2**halvings)
        numbers = {key: given.number(key, default, 1e-9, 1e6) for key, default in _NUMBERS.items()}
        preconditioning = Preconditioning(kind, M=given.integer("M", 1000, 2, 100_000), **numbers)
        low, high = RANGES[kind]
        if kind == "iDDPMPrecond":
            levels = iddpm_levels(preconditioning.M, preconditioning.C_1, preconditioning.C_2)
            low, high = levels[-2], levels[0]
        for key, value in (("first σ", low), ("last σ", high)):
            evidence.add(key, f"{value:g}", "default", "the samplers of the paper (table 1)")
        evidence.add("T", T, "default", "times are EDM's noise levels, ρ = 7")
        evidence.add("noise schedule", "karras", "default", "the paper, eq. 5")
        dropout = mapping(mapping(inner.get("state")).get("_init_kwargs")).get("label_dropout", 0)
        classes = arguments["label_dim"]
        null = classes if classes and isinstance(dropout, int | float) and dropout > 0 else None
        return Plan(
            network=Network(preconditioning, arguments),
            shape=shape,
            schedule=ScheduleSpec("karras", T, {"sigma_min": low, "sigma_max": high}),
            prediction=Candidate("x0", "file", kind),
            value_range=Candidate((-1.0, 1.0), "default", "NVlabs' training code"),
            embeddings=classes if null is None else classes + 1,
            null_label=Candidate(null, "inferred", "label_dropout"),
            class_names=Candidate(None, "file", "label_dim"),
            sampler_defaults={"clip": False, "spacing": "karras"},
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
        import torch

        from explorer.formats.call import TimedCall, sigma
        from explorer.formats.tensors import filled
        from explorer.networks.edm_unet import EdmConfig, EdmUnet

        meta = _network(checkpoint)
        assert meta is not None
        named = named_tensors(meta)
        tensors = {name.removeprefix("model."): named[name] for name in named if name.startswith("model.")}
        config = EdmConfig(**plan.network.arguments)
        module = filled(lambda: EdmUnet(config), checkpoint.weights(tensors), device)
        preconditioning, channels, classes = plan.network.preconditioning, plan.shape[0], config.label_dim

        def denoise(x: Tensor, sigmas: Tensor, labels: Tensor | None = None) -> Tensor:
            skip, out, scale, noise = preconditioning.coefficients(float(sigmas[0]))
            one_hot = None
            if labels is not None:  # the null label is none of them: zeros
                one_hot = torch.nn.functional.one_hot(labels, classes + 1)[:, :classes].to(x.dtype)
            made = module(x * scale, torch.full_like(sigmas, noise), one_hot)
            result: Tensor = skip * x + out * made[:, :channels]
            return result

        return TimedCall(denoise, schedule, sigma, no_label)


FORMAT = EDM()

RANGES = {
    "EDMPrecond": (0.002, 80.0),
    "VPPrecond": (0.002, 80.0),
    "VEPrecond": (0.02, 100.0),
    "iDDPMPrecond": (0.002, 80.0),
}
"""The least and greatest σ that the paper's samplers visit."""
_NUMBERS = {"sigma_data": 0.5, "beta_d": 19.9, "beta_min": 0.1, "C_1": 0.001, "C_2": 0.008}
_INTEGERS = {
    "img_resolution": (1, 4096),
    "in_channels": (1, 64),
    "out_channels": (1, 128),
    "label_dim": (0, 100_000),
    "augment_dim": (0, 1024),
    "model_channels": (4, 8192),
    "channel_mult_emb": (1, 64),
    "channel_mult_noise": (1, 64),
    "num_blocks": (1, 64),
}
_LISTS = {"channel_mult": (1, 64), "attn_resolutions": (1, 4096), "resample_filter": (1, 64)}
_DHARIWAL = {"model_channels": 192, "channel_mult": (1, 2, 3, 4), "num_blocks": 3, "attn_resolutions": (32, 16, 8)}
"""The arguments whose defaults are others than those of SongUNet."""


def _arguments(name: str, fields: Fields) -> dict[str, Any]:
    """Those of EdmConfig. Raises ModelError for impossible ones."""
    found: dict[str, Any] = {key: fields.integer(key, None, *ends) for key, ends in _INTEGERS.items()}
    found |= {key: fields.integers(key, *ends, 12) for key, ends in _LISTS.items() if fields.values.get(key) != []}
    if fields.values.get("attn_resolutions") == []:
        found["attn_resolutions"] = ()
    if NETWORKS[name]:
        found["embedding_type"] = fields.choice("embedding_type", None, ("positional", "fourier"))
        found["encoder_type"] = fields.choice("encoder_type", None, ("standard", "skip", "residual"))
        found["decoder_type"] = fields.choice("decoder_type", None, ("standard", "skip"))
    given = {key: value for key, value in found.items() if value is not None}
    if not {"img_resolution", "in_channels", "out_channels"} <= set(given):
        raise ModelError("The file does not say how large its network's pictures are.")
    if not NETWORKS[name]:
        given = _DHARIWAL | given
    return {"song": NETWORKS[name], "label_dim": 0, "model_channels": 128} | given


def _network(checkpoint: Checkpoint) -> Mapping[str, Any] | None:
    """The description of the network in a file: the average where there are several objects."""
    for place in (("ema",), ("net",), ()):
        meta = described(checkpoint.get(*place))
        name = None if meta is None else meta.get("class_name")
        if isinstance(name, str) and "Precond" in name:
            return meta
    return None
