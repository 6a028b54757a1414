"""CompVis' latent diffusion: Lightning checkpoints (`model.ckpt`, `last.ckpt`), with the project's YAML beside.

    state_dict    model.diffusion_model.* the U-Net, model_ema.* its average (names without dots), betas,
                  cond_stage_model.embedding.weight the table of labels, first_stage_model.* the autoencoder,
                  scale_factor of its latents

β_t are stored. Heads and the size of the latents are in the YAML alone (model.params). The U-Net's index is our t − 1.
Networks that look at a text are those of `stable_diffusion.py`; without its encoder they are not opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.facts import ModelError
from explorer.formats.adm_keys import AdmKeys, prefixes, read_keys
from explorer.formats.autoencoder_files import SCALING, choose_autoencoder
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.compvis_file import (
    FIRST_STAGE,
    PREFIX,
    first_stage,
    parameterization,
    stored_schedule,
    table_of,
    weight_sets,
)
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.heads import Heads
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

TOKENS = "cond_stage_model.embedding.weight"
USUAL = ScheduleSpec("scaled_linear", 1000, {"beta_start": 0.0015, "beta_end": 0.0195})
HEAD_CHANNELS = 32


@dataclass(frozen=True)
class Network:
    heads: Heads


class LatentDiffusion(SingleFile[Network]):
    name = "latent diffusion"

    def recognise(self, checkpoint: Checkpoint) -> float:
        return 0.9 if PREFIX in prefixes(table_of(checkpoint)) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Network]:
        evidence, sets, table = context.evidence, weight_sets(checkpoint), table_of(checkpoint)
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
        schedule = stored_schedule(checkpoint, table, context, USUAL)
        latent = any(name.startswith(FIRST_STAGE) for name in table)
        evidence.add("works on", "latents" if latent else "pictures", "inferred", FIRST_STAGE)
        default_scaling = SCALING if any(name.startswith("cond_stage_model.transformer.") for name in table) else 1.0
        own = first_stage(checkpoint, table, model, context, default_scaling) if latent else None
        classes = keys.classes or (tokens.shape[0] if tokens is not None and keys.context is not None else 0)
        return Plan(
            network=Network(heads),
            settings={"heads": str(heads)},
            shape=shape,
            schedule=schedule,
            prediction=parameterization(model, yaml) or Candidate("eps", "default", "CompVis"),
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

        sets = weight_sets(checkpoint)
        tensors = sets[plan.weights]
        keys = read_keys(tensors)
        table = table_of(checkpoint).get(TOKENS) if keys.context is not None else None
        shape = None if table is None else (table.shape[0], table.shape[1])
        if table is not None:
            tensors = {**tensors, "tokens.weight": table}
        module = filled(
            lambda: AdmUnet(keys.config(plan.network.heads.of, tokens=shape)), checkpoint.weights(tensors), device
        )
        return TimedCall(module, schedule, index, no_label)


FORMAT = LatentDiffusion()


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
