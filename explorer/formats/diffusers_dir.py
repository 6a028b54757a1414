"""Folders of the diffusers library: a UNet2DModel with a scheduler, or the UNet alone.

Three layouts are read (see `diffusers_layout.py`):

    model_index.json (optional), unet/config.json, unet/<weights>, scheduler/scheduler_config.json
    config.json, <weights>, scheduler_config.json       the same in one folder, as the first releases wrote it
    config.json, <weights>                              the UNet alone, the schedule being diffusers' default

`model_index.json` names classes; they are compared with those that are read, and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts
from explorer.formats import transformer_config
from explorer.formats.card import Card, read_card
from explorer.formats.classifiers import network_classifier, settle_classifier
from explorer.formats.context import Context
from explorer.formats.corrections import Corrections, PredictionName, parse_overrides, settle_classes
from explorer.formats.diffusers_layout import (
    CONFIG,
    INDEX,
    NETWORK_FOLDERS,
    Layout,
    locate,
    text_weights,
    weights_of,
)
from explorer.formats.diffusers_parts import (
    Configuration,
    class_names_of,
    learned_variance,
    read_parts,
    sampler_defaults,
    say_weights,
)
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import read_json
from explorer.formats.samples import card_samples, usable_labels, usable_sheet
from explorer.formats.scheduler_config import PREDICTION_TYPES, SchedulerConfig
from explorer.formats.unet_config import NetworkConfig

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.formats.model import Model
    from explorer.formats.text_encoder import Prompts

LEARNED_TIMES = "the network looks times up in a table, and has a row for each of its own alone"


class DiffusersFolder:
    """The Format of such folders."""

    name = "diffusers"

    def sniff(self, path: Path) -> float:
        try:
            if any((path / name / CONFIG).is_file() for name in NETWORK_FOLDERS):
                return 0.9
            if (path / INDEX).is_file():
                return 0.8
            if not (path / CONFIG).is_file():
                return 0.0
            name = read_json(path / CONFIG, CONFIG).get("_class_name")
        except ModelError:
            return 0.1  # a damaged config.json: inspect says so
        except OSError:
            return 0.0
        return 0.8 if isinstance(name, str) and name.startswith(("UNet", "DiT", "Transformer2D")) else 0.0

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        evidence, card, user = Evidence(), read_card(path), parse_overrides(overrides)
        evidence.warnings.extend(card.warnings)
        title = evidence.choose(
            "title",
            Candidate(user.title, "user"),
            Candidate(card.corrections.title, "card", "explorer.json"),
            default=path.name or str(path),
            where="the folder's name",
        )
        folder = locate(path, user.weights or card.corrections.weights)
        context = Context(evidence, card.corrections, user)
        configuration = read_parts(folder, context)
        network, scheduler, latent = configuration.network, configuration.scheduler, configuration.autoencoder
        say_weights(folder, card, user, evidence)
        prediction: PredictionName = evidence.choose(
            "prediction type",
            Candidate(user.prediction, "user"),
            Candidate(card.corrections.prediction, "card", "explorer.json"),
            Candidate(scheduler.prediction, "file", folder.where(folder.scheduler) if folder.scheduler else ""),
            default="eps",
            show=lambda kind: next((theirs for theirs, ours in PREDICTION_TYPES.items() if ours == kind), kind),
            where="diffusers",
        )
        value_range = evidence.choose(
            "value range",
            Candidate(user.value_range, "user"),
            Candidate(card.corrections.value_range, "card", "explorer.json"),
            Candidate((-3.0, 3.0) if latent else None, "inferred", "latents are scaled to unit variance"),
            Candidate((0.0, 1.0) if scheduler.family == "ve" else None, "default", "diffusers' ScoreSdeVePipeline"),
            default=(-1.0, 1.0),
            show=lambda ends: f"{ends[0]:g} … {ends[1]:g}",
            where="diffusers",
        )
        class_names, null_label = settle_classes(
            _embeddings(network, card, user, folder),
            Candidate(class_names_of(folder.index), "file", folder.where(folder.network / CONFIG)),
            Candidate(network.null_label, "file", folder.where(folder.network / CONFIG)),
            card.corrections,
            user,
            evidence,
        )
        sheet = usable_sheet(card.sheet, configuration.picture_shape, evidence, context.resized)
        labels = usable_labels(sheet, class_names, evidence)
        # Classifier guidance starts from the unconditional model, which needs a null label.
        names = class_names if null_label is not None else ()
        classifier = None if latent else settle_classifier(path, network.shape, value_range, names, evidence)
        card.add_texts(evidence)
        return ModelFacts(
            path=str(path),
            format=self.name,
            title=title,
            kind="latent" if latent else "image",
            shape=network.shape,
            prompted=bool(configuration.texts),
            picture_shape=configuration.picture_shape if latent else None,
            T=scheduler.T,
            prediction=prediction,
            schedule=scheduler.schedule_name,
            schedule_numbers=scheduler.schedule_numbers,
            fixed=dict.fromkeys(("T", "time_scale"), LEARNED_TIMES) if network.learned_times is not None else {},
            value_range=value_range,
            class_names=class_names,
            null_label=null_label,
            sampler_defaults=sampler_defaults(configuration),
            learned_variance=learned_variance(configuration),
            sample_count=sheet.count if sheet else 0,
            sample_labels=labels,
            classifier=classifier,
            proposed=card.proposed,
            own_sampler=f"diffusers:{scheduler.class_name}",
            weights=folder.chosen.name if len(folder.choices) > 1 else "",
            weight_sets=tuple(choice.name for choice in folder.choices) if len(folder.choices) > 1 else (),
            summary=card.summary,
            evidence=tuple(evidence.facts),
            warnings=tuple(evidence.warnings),
        )

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.diffusion.denoiser import NetworkDenoiser
        from explorer.formats.conventions import convention
        from explorer.formats.model import Model
        from explorer.formats.network import CalledLikeUNet
        from explorer.formats.unet import UNetCall, load_network

        folder = locate(path, facts.weights or None)
        configuration = read_parts(folder, _chosen(facts))
        config, schedule, weights = configuration.network, configuration.scheduler.schedule(), folder.chosen.file
        network = load_network(config, folder.label(folder.network / CONFIG), weights, folder.label(weights), device)
        if config.class_name == transformer_config.CLASS_NAME:
            network = CalledLikeUNet(network)
        no_label = (facts.null_label or 0) if facts.conditional else None
        learned = learned_variance(configuration)
        asked = partial(convention, configuration.scheduler)
        told = asked if configuration.scheduler.told_noise else None
        call = UNetCall(network, asked(schedule), config.shape[0] * (2 if learned else 1), no_label, told)
        prompts = _prompts(folder, configuration, device) if configuration.texts else None
        if prompts is not None:
            added = prompts.added(configuration.picture_shape[1:]) if config.added is not None else None
            call = replace(call, embed=prompts.embeddings, added=added)
        classifier = None if facts.classifier is None else network_classifier(facts.classifier, schedule, device)
        facts, samples = card_samples(path, facts)
        denoiser = NetworkDenoiser(call, schedule, facts.prediction, learned)
        model = Model(facts, denoiser, samples, device, prepare=call.prepare, classifier=classifier, prompts=prompts)
        return model if configuration.autoencoder is None else _latent(model, folder, configuration)


FORMAT = DiffusersFolder()


@dataclass(frozen=True)
class DiffusersParts:
    """What a program of one's own needs to use such a folder: where the network lies, and what its schedule is."""

    unet: Path
    scheduler: SchedulerConfig


def parts(facts: ModelFacts) -> DiffusersParts:
    """Of a model of this format. Raises ModelError where the folder is no longer what it was."""
    folder = locate(Path(facts.path), facts.weights or None)
    return DiffusersParts(folder.network, read_parts(folder, _chosen(facts)).scheduler)


def _chosen(facts: ModelFacts) -> Context:
    """What was settled of a model when it was inspected."""
    return Context(Evidence(), user=Corrections(size=facts.shape))


def _embeddings(network: NetworkConfig, card: Card, user: Corrections, folder: Layout) -> int:
    """The number of labels, counted from names where the network takes any number as a label."""
    if network.embeddings is not None:
        return network.embeddings
    names = user.class_names or card.corrections.class_names
    if names is None:
        raise ModelError(
            f"{folder.label(folder.network / CONFIG)} does not say how many classes there are: name them as "
            "class_names in explorer.json."
        )
    nulls = [label for label in (user.null_label, card.corrections.null_label) if label is not None]
    return max(len(names), *(label + 1 for label in nulls)) if nulls else len(names)


def _prompts(folder: Layout, configuration: Configuration, device: torch.device) -> Prompts:
    from explorer.formats.text_encoder import TextFiles, load_prompts

    files = []
    for text, config in zip(folder.texts, configuration.texts, strict=True):
        weights, label = text_weights(text.encoder, folder.root), folder.label(text.encoder / CONFIG)
        files.append(TextFiles(config, label, text.tokenizer, weights, folder.label(weights)))
    # Stable Diffusion XL was trained with zeros where there is no text; its pipeline says so in its index.
    zeros = configuration.network.added is not None and folder.index.get("force_zeros_for_empty_prompt", True) is True
    return load_prompts(files, device, zeros)


def _latent(model: Model, folder: Layout, configuration: Configuration) -> Model:
    from explorer.formats.autoencoder import load_autoencoder, with_autoencoder

    assert folder.autoencoder is not None
    assert configuration.autoencoder is not None
    weights = weights_of(folder.autoencoder, folder.root)
    label = folder.label(folder.autoencoder / CONFIG)
    found = load_autoencoder(configuration.autoencoder, label, weights, folder.label(weights), model.device)
    return with_autoencoder(model, found)
