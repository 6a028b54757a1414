"""Stable Diffusion 1, 2 and XL as single files (`v1-5-pruned.safetensors`, `sd_xl_base.safetensors`, `.ckpt`).

    model.diffusion_model.*            the U-Net, model_ema.* its average in some
    first_stage_model.*                the autoencoder
    cond_stage_model.*, conditioner.*  one text encoder, or two: see `stable_diffusion_text.py`

Which of the three it is, the encoders tell. The network's output is ε in 1 and XL; in 2 it is v or ε, which no shape
shows: files with `modelspec` metadata, a YAML beside or a step count known from the releases say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts
from explorer.formats.adm_keys import AdmKeys, prefixes, read_keys
from explorer.formats.autoencoder_files import SCALING, choose_autoencoder
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.clip_words import MISSING as NO_WORDS
from explorer.formats.clip_words import find_words, numbered
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
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.heads import Heads
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile
from explorer.formats.stable_diffusion_text import OPENAI, OPENCLIP, TextPart, text_parts
from explorer.formats.stable_diffusion_unet import ADDED, linear, translate, unet_config
from explorer.formats.text_encoder_config import MISSING
from explorer.formats.unet_config import NetworkConfig
from explorer.formats.yaml_file import nested, read_yaml_beside

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule
    from explorer.formats.model import Model
    from explorer.formats.tensors import Weights

USUAL = ScheduleSpec("scaled_linear", 1000, {"beta_start": 0.00085, "beta_end": 0.012})
XL_SCALING = 0.13025
SIDES = {"1": 512, "2": 768, "XL": 1024}
"""Of the pictures that each was trained with; 2 as well with 512, where its output is ε."""
HEADS, HEAD_WIDTH = 8, 64
"""Of 1, and of what came after it."""
EPS_STEPS = 875_000
"""Of training, in Stable Diffusion 2's release for ε; diffusers tells them apart by it."""
_PREDICTIONS: dict[str, PredictionName] = {"epsilon": "eps", "eps": "eps", "v": "v", "v_prediction": "v", "vpred": "v"}


@dataclass(frozen=True)
class Parts:
    unet: NetworkConfig
    texts: tuple[TextPart, ...]


class StableDiffusion(SingleFile[Parts]):
    name = "stable diffusion"

    def recognise(self, checkpoint: Checkpoint) -> float:
        table = table_of(checkpoint)
        texts = any(name.startswith((*OPENAI, *OPENCLIP)) for name in table)
        return 0.95 if texts and PREFIX in prefixes(table) else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[Parts]:
        evidence, sets, table = context.evidence, weight_sets(checkpoint), table_of(checkpoint)
        weights = context.weight_set(sets)
        keys = read_keys(sets[weights])
        values, yaml = read_yaml_beside(checkpoint.path)
        model = Fields(nested(values, "model", "params"), yaml)
        unet = Fields(nested(values, "model", "params", "unet_config", "params"), yaml)
        texts = text_parts(table)
        version = _version(keys, texts)
        evidence.add(
            "network", f"Stable Diffusion {version}, {keys.features} features", "inferred", "its names and shapes"
        )
        for text in texts:
            whose = "OpenCLIP" if text.openclip else "CLIP"
            layers = text.config.arguments["num_hidden_layers"]
            evidence.add("text encoder", f"{whose}, {layers} layers of {text.config.width}", "inferred", "its shapes")
        _warn_of_missing(checkpoint.path, len(texts), context)
        prediction = parameterization(model, yaml) or _prediction(checkpoint, table, version)
        if prediction.value == "v" and prediction.source == "default":
            evidence.warn("The file does not say whether its output is v or ε: v is taken. Probe finds out.")
        side = 512 if version == "2" and prediction.value == "eps" else SIDES[version]
        own = first_stage(checkpoint, table, model, context, XL_SCALING if version == "XL" else SCALING)
        factor = own.config.factor if own is not None else 8
        own_size = _size(checkpoint, side, factor, version)
        shape = context.shape(keys.in_channels, own_size, (64, 64), 2 ** (keys.levels - 1))
        heads = _heads(unet, yaml, keys, context)
        config = unet_config(keys, shape[1:], texts[-1].config.pooled, heads)
        return Plan(
            network=Parts(config, texts),
            settings={"heads": str(heads)},
            shape=shape,
            schedule=_schedule(checkpoint, table, context),
            prediction=prediction,
            value_range=Candidate((-4.0, 4.0), "default", "latents are scaled to unit variance"),
            sampler_defaults={"clip": False},
            weight_sets=tuple(sets),
            weights=weights,
            prompted=True,
            latent=True,
            autoencoder=choose_autoencoder(context, checkpoint.path, shape, own, FIRST_STAGE),
        )

    def network(
        self, checkpoint: Checkpoint, plan: Plan[Parts], schedule: Schedule, no_label: int | None, device: torch.device
    ) -> Callable[[Tensor, float, Condition], Tensor]:
        from explorer.formats.conventions import Convention
        from explorer.formats.network import build
        from explorer.formats.tensors import fill
        from explorer.formats.text_encoder import load_prompts
        from explorer.formats.unet import UNetCall

        config, path = plan.network.unet, checkpoint.path
        tensors = translate(weight_sets(checkpoint)[plan.weights], config, path.name)
        texts = [InFile(text, checkpoint, number) for number, text in enumerate(plan.network.texts)]
        prompts = load_prompts(texts, device, zeros=config.added is not None)
        network = build(config.class_name, config.arguments, path.name)
        fill(network, checkpoint.weights(tensors), device)
        height, width = (plan.picture_shape or (3, 8 * plan.shape[1], 8 * plan.shape[2]))[1:]
        return UNetCall(
            network,
            Convention(lambda t: int(t) - 1, whole=True),
            plan.shape[0],
            None,
            embed=prompts.embeddings,
            added=prompts.added((height, width)) if config.added is not None else None,
            prompts=prompts,
        )

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.diffusion.denoiser import NetworkDenoiser
        from explorer.formats.unet import UNetCall

        model = super().load(path, facts, device)
        assert isinstance(model.denoiser, NetworkDenoiser)
        assert isinstance(model.denoiser.network, UNetCall)
        return replace(model, prompts=model.denoiser.network.prompts)


FORMAT = StableDiffusion()


@dataclass(frozen=True, eq=False)
class InFile:
    """An encoder inside a file, for `load_prompts`. number: 0 or 1."""

    text: TextPart
    checkpoint: Checkpoint
    number: int

    @property
    def config(self) -> Any:
        return self.text.config

    @property
    def config_label(self) -> str:
        return self.checkpoint.path.name

    @contextmanager
    def open(self) -> Iterator[Weights]:
        yield self.checkpoint.weights(self.text.tensors)

    def tokens(self, library: Any) -> Callable[[str], Tensor]:
        import torch

        words = find_words(self.checkpoint.path, self.number)
        numbers = numbered(words, self.text.config, self.text.padding, library)
        return lambda text: torch.tensor([numbers(text)])


def _version(keys: AdmKeys, texts: tuple[TextPart, ...]) -> str:
    """Raises ModelError for what is none of the three, or is told more than a text."""
    if keys.in_channels != keys.out_channels:
        raise ModelError(
            f"The file's U-Net goes from {keys.in_channels} to {keys.out_channels} channels: it is also given a "
            "picture or a mask, which is not read."
        )
    width, whole = sum(text.config.width for text in texts), texts[-1].config.pooled
    if keys.classes or (ADDED in keys.shapes) != bool(whole):
        raise ModelError("The file's U-Net is told more than a text, as those that refine or enlarge pictures are.")
    if width != keys.context:
        raise ModelError(f"The file's text encoder gives words {width} numbers, and its network takes {keys.context}.")
    if whole:
        return "XL"
    return "2" if texts[0].openclip else "1"


def _warn_of_missing(path: Path, encoders: int, context: Context) -> None:
    if find_spec("transformers") is None:
        context.evidence.warn(MISSING)
    if not all(find_words(path, number).found for number in range(encoders)):
        context.evidence.warn(NO_WORDS)


def _prediction(checkpoint: Checkpoint, table: Mapping[str, TensorRef], version: str) -> Candidate[PredictionName]:
    for key in ("modelspec.prediction_type", "modelspec.predict_key"):
        said = _PREDICTIONS.get(str(checkpoint.metadata.get(key, "")).lower())
        if said is not None:
            return Candidate(said, "file", key)
    if "v_pred" in table:
        return Candidate("v", "file", "the entry v_pred")
    if version != "2":
        return Candidate("eps", "default", f"Stable Diffusion {version}")
    steps = checkpoint.get("global_step")
    if isinstance(steps, int):
        return Candidate("eps" if steps == EPS_STEPS else "v", "inferred", f"{steps:,} steps of training")
    return Candidate("v", "default", "Stable Diffusion 2")


def _size(checkpoint: Checkpoint, side: int, factor: int, version: str) -> Candidate[tuple[int, int]]:
    """(height, width) of latents."""
    said = str(checkpoint.metadata.get("modelspec.resolution", "")).lower().split("x")
    if len(said) == 2 and all(part.isdecimal() and 64 <= int(part) <= 8192 for part in said):
        width, height = (int(part) // factor for part in said)
        return Candidate((height, width), "file", "modelspec.resolution")
    return Candidate((side // factor, side // factor), "default", f"Stable Diffusion {version}")


def _schedule(checkpoint: Checkpoint, table: Mapping[str, TensorRef], context: Context) -> ScheduleSpec:
    found = stored_schedule(checkpoint, table, context, USUAL)
    if "ztsnr" not in table:
        return found
    context.evidence.add("SNR at T", 0, "file", "the entry ztsnr")
    return replace(found, zero_terminal_snr=True)


def _heads(unet: Fields, yaml: str, keys: AdmKeys, context: Context) -> Heads:
    count = unet.integer("num_heads", None, -1, 1024)
    width = unet.integer("num_head_channels", None, -1, 8192)
    own: Candidate[str] = Candidate(None, "file")
    if width is not None and width > 0:
        own = Candidate(str(Heads(width=width)), "file", yaml)
    elif count is not None and count > 0:
        own = Candidate(str(count), "file", yaml)
    usual = Heads(width=HEAD_WIDTH) if linear(keys) else Heads(HEADS)
    found = context.heads(own, str(usual), "Stable Diffusion 2 and XL" if linear(keys) else "Stable Diffusion 1")
    keys.check_heads(found)
    return found
