"""CompVis' latent diffusion: Lightning checkpoints (`model.ckpt`, `last.ckpt`), with the project's YAML beside.

    state_dict    model.diffusion_model.* the U-Net, model_ema.* its average (names without dots), betas,
                  cond_stage_model.embedding.weight the table of labels, first_stage_model.* the autoencoder,
                  scale_factor of its latents

β_t are stored. Heads and the size of the latents are in the YAML alone (model.params). The U-Net's index is our t − 1.
Networks that look at a text need its encoder, and are not opened from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.facts import ModelError
from explorer.formats.adm_keys import AdmKeys, prefixes, read_keys
from explorer.formats.autoencoder_files import SCALING, AutoencoderFiles, choose_autoencoder, inside
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.heads import Heads
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

PREFIX = "model.diffusion_model."
EMA = "model_ema.diffusion_model"
FIRST_STAGE = "first_stage_model."
TOKENS = "cond_stage_model.embedding.weight"
PARAMETERIZATIONS: dict[str, PredictionName] = {"eps": "eps", "x0": "x0", "v": "v"}
HEAD_CHANNELS = 32


@dataclass(frozen=True)
class Network:
    heads: Heads


class LatentDiffusion(SingleFile[Network]):
    name = "latent diffusion"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if PREFIX in prefixes(_table(checkpoint)) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets, table = context.evidence, _sets(checkpoint), _table(checkpoint)
        weights = context.weight_set(sets)
        keys = read_keys(sets[weights])
        values, yaml = read_yaml_beside(checkpoint.path)
        model = Fields(nested(values, "model", "params"), yaml)
        unet = Fields(nested(values, "model", "params", "unet_config", "params"), yaml)
        mults = "·".join(f"{mult:g}" for mult in keys.mults)
        evidence.add("network", f"ADM U-Net, {keys.features} features × {mults}", "inferred", "shapes of the weights")
        tokens = table.get(TOKENS)
        if keys.context is not None and (tokens is None or tokens.shape[1] != keys.context):
            raise ModelError(
                f"The file's U-Net looks at a text or another context of width {keys.context}, whose encoder is not "
                "read: convert the model to a diffusers folder."
            )
        channels = keys.in_channels
        if keys.out_channels != channels:
            raise ModelError(f"The file's U-Net makes {keys.out_channels} channels of {channels}, which is not read.")
        heads = _heads(unet, yaml, keys, context)
        side = unet.integer("image_size", None, 1, 4096)
        own_size = Candidate((side, side) if side else None, "file", yaml)
        shape = context.shape(channels, own_size, (64, 64), 2 ** (keys.levels - 1))
        schedule = _schedule(checkpoint, table, context)
        latent = any(name.startswith(FIRST_STAGE) for name in table)
        evidence.add("works on", "latents" if latent else "pictures", "inferred", FIRST_STAGE)
        own = _first_stage(checkpoint, table, model, context) if latent else None
        kind = model.choice("parameterization", None, tuple(PARAMETERIZATIONS))
        prediction: Candidate[PredictionName] = Candidate("eps", "default", "CompVis")
        if kind:
            prediction = Candidate(PARAMETERIZATIONS[kind], "file", yaml)
        classes = keys.classes or (tokens.shape[0] if tokens is not None and keys.context is not None else 0)
        return Plan(
            network=Network(heads),
            settings={"heads": str(heads)},
            shape=shape,
            schedule=schedule,
            prediction=prediction,
            value_range=Candidate((-4.0, 4.0) if latent else (-1.0, 1.0), "default", "CompVis"),
            embeddings=classes,
            null_label=Candidate(classes - 1 if classes == 1001 else None, "inferred", "the 1001st of 1001 labels"),
            class_names=Candidate(None, "inferred", "the table of labels"),
            sampler_defaults={"clip": not latent},
            weight_sets=tuple(sets),
            weights=weights,
            latent=latent,
            autoencoder=choose_autoencoder(context, checkpoint.path, shape, own, FIRST_STAGE) if latent else None,
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[Network],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:

        from explorer.formats.call import TimedCall, index
        from explorer.formats.tensors import filled
        from explorer.networks.adm_unet import AdmUnet

        sets = _sets(checkpoint)
        tensors = sets[plan.weights]
        keys = read_keys(tensors)
        table = _table(checkpoint).get(TOKENS) if keys.context is not None else None
        shape = None if table is None else (table.shape[0], table.shape[1])
        if table is not None:
            tensors = {**tensors, "tokens.weight": table}
        module = filled(
            lambda: AdmUnet(keys.config(plan.network.heads.of, tokens=shape)), checkpoint.weights(tensors), device
        )
        return TimedCall(module, schedule, index, no_label)


FORMAT = LatentDiffusion()


def _table(checkpoint: Checkpoint) -> dict[str, TensorRef]:
    return checkpoint.tensors("state_dict") or checkpoint.tensors()


def _sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The U-Net's sets of weights by name, the average first, each under the U-Net's own names."""
    table = _table(checkpoint)
    raw = {name.removeprefix(PREFIX): tensor for name, tensor in table.items() if name.startswith(PREFIX)}
    averages = {name: table.get(EMA + name.replace(".", "")) for name in raw}
    found = {"raw": raw}
    if raw and all(tensor is not None for tensor in averages.values()):
        found = {"ema": {name: tensor for name, tensor in averages.items() if tensor is not None}, "raw": raw}
    return found


def _first_stage(
    checkpoint: Checkpoint, table: Mapping[str, TensorRef], model: Fields, context: Context
) -> AutoencoderFiles | None:
    """The autoencoder inside; the factor of its latents is a number of training, or of the YAML."""
    named = {name.removeprefix(FIRST_STAGE): table[name] for name in table if name.startswith(FIRST_STAGE)}
    factor = table.get("scale_factor")
    scaling = model.number("scale_factor", None, 1e-9, 1e9)
    if factor is not None and factor.count == 1:
        (scaling,) = checkpoint.numbers(factor)
    if scaling is None or not scaling > 0:
        scaling = SCALING if any(name.startswith("cond_stage_model.transformer.") for name in table) else 1.0
    return inside(checkpoint, named, scaling, context)


def _heads(unet: Fields, yaml: str, keys: AdmKeys, context: Context) -> Heads:
    head_channels = unet.integer("num_head_channels", None, -1, 8192)
    heads = unet.integer("num_heads", None, -1, 8192)
    own: Candidate[str]
    if head_channels is not None and head_channels > 0:
        own = Candidate(str(Heads(width=head_channels)), "file", yaml)
    elif heads is not None and heads > 0:
        own = Candidate(str(heads), "file", yaml)
    else:
        own = Candidate(None, "file")
    usual = Heads(1) if keys.context is not None else Heads(width=HEAD_CHANNELS)
    found = context.heads(own, str(usual), "CompVis' unconditional models")
    if own.value is None and context.user.heads is None and context.card.heads is None:
        context.evidence.warn(
            "The number of attention heads is not in the file: put the project's YAML beside it under the same name, "
            "or set it in the tab Model."
        )
    keys.check_heads(found)
    return found


def _schedule(checkpoint: Checkpoint, table: Mapping[str, TensorRef], context: Context) -> ScheduleSpec:
    evidence = context.evidence
    betas = checkpoint.numbers(table["betas"]) if "betas" in table else ()
    if not betas:
        evidence.add("T", 1000, "default", "CompVis")
        evidence.add("noise schedule", "scaled_linear", "default", "CompVis")
        return ScheduleSpec("scaled_linear", 1000, {"beta_start": 0.0015, "beta_end": 0.0195})
    if not all(0 <= beta <= 1 for beta in betas):
        raise ModelError("The file's betas are no noise schedule: they must lie between 0 and 1.")
    T = len(betas)
    evidence.add("T", T, "file", "the number of betas")
    first, last = betas[0] ** 0.5, betas[-1] ** 0.5
    roots = [first + (last - first) * i / max(T - 1, 1) for i in range(T)]
    if max(abs(root**2 - beta) for root, beta in zip(roots, betas, strict=True)) < 1e-6:
        # CompVis' "linear" is linear in the roots.
        evidence.add("noise schedule", "scaled_linear", "inferred", "the stored betas")
        return ScheduleSpec("scaled_linear", T, {"beta_start": round(first**2, 7), "beta_end": round(last**2, 7)})
    evidence.add("noise schedule", f"{T} trained betas", "file", "betas")
    return ScheduleSpec("trained betas", T, betas=tuple(betas))
