"""What the configuration files of a diffusers folder say, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.facts import LearnedVariance, ModelError
from explorer.formats import text_unet_config, transformer_config
from explorer.formats.autoencoder_config import AutoencoderConfig, read_autoencoder_config
from explorer.formats.card import Card
from explorer.formats.context import Context
from explorer.formats.corrections import MAX_CLASSES, Corrections
from explorer.formats.diffusers_layout import CONFIG, SCHEDULER_CONFIG, Layout
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import Fields
from explorer.formats.scheduler_config import SchedulerConfig, read_scheduler_config
from explorer.formats.shards import is_index, weights_size
from explorer.formats.text_encoder_config import CLASS_NAME, PROJECTED, TextEncoderConfig, read_text_encoder_config
from explorer.formats.text_unet_config import read_text_unet_config
from explorer.formats.transformer_config import read_transformer_config
from explorer.formats.unet_config import NetworkConfig, read_unet_config


@dataclass(frozen=True)
class Configuration:
    """autoencoder: that of a latent model, None for one of the pictures themselves.

    texts: the encoders of a model that reads text.
    """

    network: NetworkConfig
    scheduler: SchedulerConfig
    autoencoder: AutoencoderConfig | None
    texts: tuple[TextEncoderConfig, ...] = ()

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what is shown in the end."""
        if self.autoencoder is None:
            return self.network.shape
        return self.autoencoder.picture_shape(self.network.shape)


def class_names_of(index: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in model_index.json's id2label, None where it has none that are whole."""
    names = index.get("id2label")
    if not isinstance(names, dict) or not 1 <= len(names) <= MAX_CLASSES:
        return None
    found = [names.get(str(label)) for label in range(len(names))]
    known = tuple(name[:200] for name in found if isinstance(name, str))
    return known if len(known) == len(names) else None


def _network(folder: Layout, context: Context) -> NetworkConfig:
    file = folder.network / CONFIG
    fields = folder.fields(file)
    if fields.values.get("_class_name") in transformer_config.CLASS_NAMES:
        return read_transformer_config(fields, folder.where(file), context)
    if fields.values.get("_class_name") == text_unet_config.CLASS_NAME:
        return read_text_unet_config(fields, folder.where(file), context)
    return read_unet_config(fields, folder.where(file), context)


def read_parts(folder: Layout, context: Context) -> Configuration:
    """Everything the configuration files say, checked against each other. Raises ModelError."""
    config, evidence = folder.network / CONFIG, context.evidence
    unet = _network(folder, context)
    if folder.scheduler is None:
        if not (context.said("schedule") and context.said("prediction")):
            evidence.warn(
                f"There is no {SCHEDULER_CONFIG}: where nothing else is set diffusers' DDPM defaults are taken (linear "
                "β from 0.0001 to 0.02, T = 1000, ε-prediction), and pictures come out wrong if the network was "
                "trained otherwise."
            )
        scheduler = read_scheduler_config(Fields({}, SCHEDULER_CONFIG), "", evidence)
    else:
        fields = folder.fields(folder.scheduler)
        scheduler = read_scheduler_config(fields, folder.where(folder.scheduler), evidence)
    if unet.learned_variance:
        if scheduler.variance_type == "learned_range":
            evidence.add("learned variance", "yes, between β̃ and β", "file", folder.where(config))
        elif scheduler.variance_type == "learned":
            evidence.add("learned variance", "yes, σ² itself", "file", folder.where(config))
    elif scheduler.variance_type in ("learned", "learned_range"):
        evidence.warn("The scheduler asks for a learned variance, but the network has no channels for one.")
    if unet.learned_times is not None and unet.learned_times < scheduler.T:
        raise ModelError(
            f"{folder.label(config)} has embeddings of {unet.learned_times} times, but the scheduler has {scheduler.T}."
        )
    if unet.fourier and scheduler.family == "beta" and not scheduler.log_sigma_input:
        evidence.warn("The network embeds log(t − 1): at t = 1 it returns values that are not finite.")
    autoencoder = None
    if folder.autoencoder is not None:
        file = folder.autoencoder / CONFIG
        autoencoder = read_autoencoder_config(folder.fields(file), folder.where(file), unet.shape, evidence)
    return Configuration(unet, scheduler, autoencoder, _texts(folder, unet, evidence))


def _texts(folder: Layout, unet: NetworkConfig, evidence: Evidence) -> tuple[TextEncoderConfig, ...]:
    """The encoders that the network needs. Raises ModelError where they are missing, or do not fit it."""
    if unet.text_width is None:
        return ()
    classes = (CLASS_NAME,) if unet.added is None else (CLASS_NAME, PROJECTED)
    if len(folder.texts) != len(classes):
        needed = "text_encoder and tokenizer" + ("" if unet.added is None else ", text_encoder_2 and tokenizer_2")
        raise ModelError(f"{folder.root.name} has a network led by text, but lacks {needed}.")
    found = []
    for text, class_name in zip(folder.texts, classes, strict=True):
        file = text.encoder / CONFIG
        found.append(read_text_encoder_config(folder.fields(file), folder.where(file), class_name, evidence))
    width, label = sum(config.width for config in found), folder.label(folder.texts[-1].encoder / CONFIG)
    if width != unet.text_width:
        raise ModelError(f"{label} gives words {width} numbers, and the network takes {unet.text_width}.")
    if unet.added is not None and found[-1].pooled != unet.added.pooled:
        raise ModelError(f"{label} gives texts {found[-1].pooled} numbers, and the network takes {unet.added.pooled}.")
    return tuple(found)


def say_weights(folder: Layout, card: Card, user: Corrections, evidence: Evidence) -> None:
    """Which weights are read, and of which sets."""
    names = [choice.name for choice in folder.choices]
    said = (Candidate(user.weights, "user"), Candidate(card.corrections.weights, "card", "explorer.json"))
    for candidate in said:
        if candidate.value is not None and candidate.value not in names:
            evidence.warn(f"The set of weights “{candidate.value}” is not used: the folder has {', '.join(names)}.")
    if len(names) > 1:
        known = (candidate for candidate in said if candidate.value in names)
        evidence.choose("set of weights", *known, default=names[0], where=f"of {', '.join(names)}")
    file = folder.chosen.file
    count, size = weights_size(file, folder.label(file))
    name = file.name if count == 1 and not is_index(file) else f"{count} files"
    evidence.add("weights", f"{name}, {size / 1e6:,.1f} MB", "file", folder.where(file))


def learned_variance(configuration: Configuration) -> LearnedVariance | None:
    """What the second half of the network's channels is, by the scheduler's variance_type; None where there is none."""
    kinds: dict[str | None, LearnedVariance] = {"learned_range": "range", "learned": "value"}
    if not configuration.network.learned_variance:
        return None
    return kinds.get(configuration.scheduler.variance_type, "unused")


def sampler_defaults(configuration: Configuration) -> dict[str, Any]:
    """The scheduler's, with the learned variance where one is known."""
    defaults = configuration.scheduler.sampler_defaults
    return (
        {**defaults, "variance": "learned"} if learned_variance(configuration) in ("range", "value") else dict(defaults)
    )
