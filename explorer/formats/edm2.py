"""NVlabs' EDM2 pickles (`edm2-img512-s-….pkl`, `network-snapshot-….pkl`; Karras et al. 2024), their source not run.

    {ema, encoder, dataset_kwargs, loss_fn}     the network, with the arguments it was made with; how pictures become
                                                what it works on: RGB, or whitened latents of Stable Diffusion's VAE

The preconditioning is EDM's: x̂₀ = c_skip(σ) x + c_out(σ) F(c_in(σ) x; ¼ log σ, labels). Guidance comes from a second
network in the paper: there is no null label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.autoencoder_files import AutoencoderFiles, Whitening, choose_autoencoder
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.edm import SUCCESSOR, Preconditioning, T
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.persistent import described, mapping, named_tensors, plain
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

PREFIX = "unet."
SIGMAS = (0.002, 80.0)
ENCODER = "StabilityVAEEncoder"
RAW_MEAN, RAW_STD = (5.81, 3.25, 0.12, -2.15), (4.17, 4.62, 3.71, 3.28)
"""Of the latents of pictures in 0 … 1, as the paper's encoder takes them."""
_INTEGERS = {
    "img_resolution": (1, 4096),
    "img_channels": (1, 64),
    "label_dim": (0, 100_000),
    "model_channels": (4, 8192),
    "channel_mult_noise": (1, 64),
    "channel_mult_emb": (1, 64),
    "num_blocks": (1, 64),
    "channels_per_head": (1, 8192),
}
_LISTS = {"channel_mult": (1, 64), "attn_resolutions": (1, 4096), "resample_filter": (1, 64)}
_SHARES = ("label_balance", "concat_balance", "res_balance", "attn_balance")


@dataclass(frozen=True)
class Network:
    preconditioning: Preconditioning
    arguments: dict[str, Any]
    """Of Edm2Config."""


class EDM2(SingleFile[Network]):
    name = "edm2"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.0 if _network(checkpoint) is None else 0.9

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, meta = context.evidence, _network(checkpoint)
        assert meta is not None
        state = mapping(meta.get("state"))
        inner = described(mapping(state.get("_modules")).get("unet"))
        if inner is None or inner.get("class_name") != "UNet":
            raise ModelError("The file's network is none of EDM2's.")
        given = Fields(plain(state.get("_init_kwargs")), "the file's arguments")
        arguments = _arguments(Fields(plain(mapping(inner.get("state")).get("_init_kwargs")), "the file's arguments"))
        mults = "·".join(map(str, arguments.get("channel_mult", (1, 2, 3, 4))))
        evidence.add(
            "network", f"EDM2 U-Net, {arguments['model_channels']} features × {mults}", "file", "its arguments"
        )
        side, channels = arguments["img_resolution"], arguments["img_channels"]
        levels = len(arguments.get("channel_mult", (1, 2, 3, 4)))
        own = Candidate((side, side), "file", "img_resolution")
        shape = context.shape(channels, own, multiple=2 ** (levels - 1))
        for key, value in (("first σ", SIGMAS[0]), ("last σ", SIGMAS[1])):
            evidence.add(key, f"{value:g}", "default", "the samplers of the paper")
        evidence.add("T", T, "default", "times are EDM's noise levels, ρ = 7")
        evidence.add("noise schedule", "karras", "default", "Karras et al. 2022, eq. 5")
        encoder = described(mapping(checkpoint.content).get("encoder"))
        latent = channels not in (1, 3) or (encoder is not None and encoder.get("class_name") == ENCODER)
        evidence.add("works on", "latents" if latent else "pictures", "file" if encoder else "inferred", "encoder")
        data = given.number("sigma_data", 0.5, 1e-9, 1e6)
        return Plan(
            network=Network(Preconditioning("EDMPrecond", sigma_data=data), arguments),
            shape=shape,
            schedule=ScheduleSpec("karras", T, {"sigma_min": SIGMAS[0], "sigma_max": SIGMAS[1]}),
            prediction=Candidate("x0", "file", SUCCESSOR),
            value_range=Candidate((-2.0, 2.0) if latent else (-1.0, 1.0), "default", "NVlabs' training code"),
            embeddings=arguments["label_dim"],
            class_names=Candidate(None, "file", "label_dim"),
            sampler_defaults={"clip": False, "spacing": "karras"},
            fixed={"prediction": "the preconditioning makes x̂₀ of whatever the network says"},
            latent=latent,
            autoencoder=_autoencoder(checkpoint, context, shape, encoder) if latent else None,
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
        from explorer.networks.edm2_unet import Edm2Config, Edm2Unet

        meta = _network(checkpoint)
        assert meta is not None
        named = named_tensors(meta)
        tensors = {name.removeprefix(PREFIX): named[name] for name in named if name.startswith(PREFIX)}
        module = filled(lambda: Edm2Unet(Edm2Config(**plan.network.arguments)), checkpoint.weights(tensors), device)
        module.settle()
        preconditioning, classes = plan.network.preconditioning, plan.embeddings

        def denoise(x: Tensor, sigmas: Tensor, labels: Tensor | None = None) -> Tensor:
            skip, out, scale, noise = preconditioning.coefficients(float(sigmas[0]))
            one_hot = None if labels is None else torch.nn.functional.one_hot(labels, classes).to(x.dtype)
            made: Tensor = module(x * scale, torch.full_like(sigmas, noise), one_hot)
            return skip * x + out * made

        return TimedCall(denoise, schedule, sigma, no_label)


FORMAT = EDM2()


def _network(checkpoint: Checkpoint) -> Mapping[str, Any] | None:
    """The description of the network in a file: its average, or the object itself."""
    for value in (mapping(checkpoint.content).get("ema"), mapping(checkpoint.content).get("net"), checkpoint.content):
        meta = described(value)
        if meta is not None and meta.get("class_name") == SUCCESSOR:
            return meta
    return None


def _arguments(fields: Fields) -> dict[str, Any]:
    """Those of Edm2Config. Raises ModelError for impossible ones."""
    found: dict[str, Any] = {key: fields.integer(key, None, *ends) for key, ends in _INTEGERS.items()}
    found |= {key: fields.integers(key, *ends, 12) for key, ends in _LISTS.items() if fields.values.get(key) != []}
    found |= {key: fields.number(key, None, 0.0, 1.0) for key in _SHARES}
    given = {key: value for key, value in found.items() if value is not None}
    if fields.values.get("attn_resolutions") == []:
        given["attn_resolutions"] = ()
    if "clip_act" in fields.values:
        given["clip_act"] = fields.number("clip_act", None, 1e-9, 1e9)
    if not {"img_resolution", "img_channels"} <= set(given):
        raise ModelError("The file does not say how large its network's pictures are.")
    if given.get("channels_per_head", 64) > given.get("model_channels", 192) * max(given.get("channel_mult", (4,))):
        raise ModelError("The file's network has no room for the heads of its attention.")
    return {"label_dim": 0, "model_channels": 192} | given


def _autoencoder(
    checkpoint: Checkpoint, context: Context, shape: tuple[int, ...], encoder: Mapping[str, Any] | None
) -> AutoencoderFiles | None:
    """Latents are whitened channel by channel, with the numbers that the encoder was made with."""
    state = {} if encoder is None else mapping(encoder.get("state"))
    given = Fields(plain(state.get("_init_kwargs")), "the file's encoder")
    mean = given.numbers("raw_mean", -1e6, 1e6, 64) or RAW_MEAN
    deviation = given.numbers("raw_std", 1e-6, 1e6, 64) or RAW_STD
    least, most = given.number("final_mean", 0.0, -1e6, 1e6), given.number("final_std", 0.5, 1e-6, 1e6)
    whitening = None
    if len(mean) == len(deviation) == shape[0]:
        scaling = tuple(most / s for s in deviation)
        whitening = Whitening(scaling, tuple(m - least / factor for m, factor in zip(mean, scaling, strict=True)))
    return choose_autoencoder(context, checkpoint.path, shape, whitening=whitening)
