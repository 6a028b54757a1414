"""Folders of the diffusers library: a UNet2DModel with a scheduler, or the UNet alone.

Three layouts are read (see `diffusers_layout.py`):

    model_index.json (optional), unet/config.json, unet/<weights>, scheduler/scheduler_config.json
    config.json, <weights>, scheduler_config.json       the same in one folder, as the first releases wrote it
    config.json, <weights>                              the UNet alone, the schedule being diffusers' default

`model_index.json` names classes; they are compared with those that are read, and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from explorer.facts import ModelError, ModelFacts
from explorer.formats.card import Card, read_card
from explorer.formats.classifiers import find_classifier, network_classifier
from explorer.formats.corrections import Corrections, PredictionName, parse_overrides, settle_classes
from explorer.formats.diffusers_layout import CONFIG, INDEX, NETWORK_FOLDERS, SCHEDULER_CONFIG, Layout, locate
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import Fields, read_json
from explorer.formats.samples import card_samples, usable_sheet
from explorer.formats.scheduler_config import PREDICTION_TYPES, SchedulerConfig, read_scheduler_config
from explorer.formats.unet_config import UNetConfig, read_unet_config

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.formats.model import Model


@dataclass(frozen=True)
class _Configuration:
    unet: UNetConfig
    scheduler: SchedulerConfig


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
        return 0.8 if isinstance(name, str) and name.startswith("UNet") else 0.0

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
        configuration = _read(folder, evidence)
        unet, scheduler = configuration.unet, configuration.scheduler
        _say_weights(folder, card, user, evidence)
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
            Candidate((0.0, 1.0) if scheduler.family == "ve" else None, "default", "diffusers' ScoreSdeVePipeline"),
            default=(-1.0, 1.0),
            show=lambda ends: f"{ends[0]:g} … {ends[1]:g}",
            where="diffusers",
        )
        class_names, null_label = settle_classes(
            _embeddings(unet, card, user, folder),
            Candidate(None, "file", folder.where(folder.network / CONFIG)),
            Candidate(None, "file"),
            card.corrections,
            user,
            evidence,
        )
        sheet = usable_sheet(card.sheet, unet.shape, evidence)
        labels = sheet.labels if sheet else ()
        if labels and max(labels) >= len(class_names):
            evidence.warn("The card's sample labels are not used: they name classes that the model does not have.")
            labels = ()
        # Classifier guidance starts from the unconditional model, which needs a null label.
        names = class_names if null_label is not None else ()
        classifier = find_classifier(path, unet.shape, value_range, names)
        if classifier is not None:
            evidence.add("classifier", classifier.title, "inferred", classifier.path)
        for name, text in (("dataset", card.dataset), ("licence", card.licence)):
            if text:
                evidence.add(name, text, "card", "explorer.json")
        return ModelFacts(
            path=str(path),
            format=self.name,
            title=title,
            kind="image",
            shape=unet.shape,
            T=scheduler.T,
            prediction=prediction,
            schedule=scheduler.schedule_name,
            schedule_numbers=scheduler.schedule_numbers,
            fixed=("T", "time_scale") if unet.learned_times is not None else (),
            value_range=value_range,
            class_names=class_names,
            null_label=null_label,
            sampler_defaults=_sampler_defaults(configuration),
            sample_count=sheet.count if sheet else 0,
            sample_labels=labels,
            classifier=classifier,
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
        from explorer.formats.unet import UNetCall, load_unet

        folder = locate(path, facts.weights or None)
        configuration = _read(folder, Evidence())
        unet, schedule = configuration.unet, configuration.scheduler.schedule()
        weights = folder.chosen.file
        network = load_unet(
            unet.arguments, folder.label(folder.network / CONFIG), weights, folder.label(weights), device
        )
        no_label = (facts.null_label or 0) if facts.conditional else None
        learned = _learned_variance(configuration)
        asked = partial(convention, configuration.scheduler)
        call = UNetCall(network, asked(schedule), unet.shape[0] * (2 if learned else 1), no_label, asked)
        classifier = None if facts.classifier is None else network_classifier(facts.classifier, schedule, device)
        facts, samples = card_samples(path, facts)
        denoiser = NetworkDenoiser(call, schedule, facts.prediction, learned)
        return Model(facts, denoiser, samples, device, prepare=call.prepare, classifier=classifier)


FORMAT = DiffusersFolder()


@dataclass(frozen=True)
class DiffusersParts:
    """What a program of one's own needs to use such a folder: where the network lies, and what its schedule is."""

    unet: Path
    scheduler: SchedulerConfig


def parts(facts: ModelFacts) -> DiffusersParts:
    """Of a model of this format. Raises ModelError where the folder is no longer what it was."""
    folder = locate(Path(facts.path), facts.weights or None)
    return DiffusersParts(folder.network, _read(folder, Evidence()).scheduler)


def _read(folder: Layout, evidence: Evidence) -> _Configuration:
    """Everything the configuration files say, checked against each other. Raises ModelError."""
    config = folder.network / CONFIG
    unet = read_unet_config(folder.fields(config), folder.where(config), evidence)
    if folder.scheduler is None:
        evidence.warn(
            f"There is no {SCHEDULER_CONFIG}: diffusers' DDPM defaults are taken (linear β from 0.0001 to 0.02, "
            "T = 1000, ε-prediction), and pictures come out wrong if the network was trained otherwise."
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
        else:
            said = scheduler.variance_type or "nothing of it"
            evidence.warn(
                f"The network's learned variance is not used: the scheduler says {said}, not learned or learned_range."
            )
    elif scheduler.variance_type in ("learned", "learned_range"):
        evidence.warn("The scheduler asks for a learned variance, but the network has no channels for one.")
    if unet.learned_times is not None and unet.learned_times < scheduler.T:
        raise ModelError(
            f"{folder.label(config)} has embeddings of {unet.learned_times} times, but the scheduler has {scheduler.T}."
        )
    if unet.fourier and scheduler.family == "beta" and not scheduler.log_sigma_input:
        evidence.warn("The network embeds log(t − 1): at t = 1 it returns values that are not finite.")
    return _Configuration(unet, scheduler)


def _say_weights(folder: Layout, card: Card, user: Corrections, evidence: Evidence) -> None:
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
    evidence.add("weights", f"{file.name}, {file.stat().st_size / 1e6:,.1f} MB", "file", folder.where(file))


def _learned_variance(configuration: _Configuration) -> Literal["range", "value"] | None:
    kinds: dict[str | None, Literal["range", "value"]] = {"learned_range": "range", "learned": "value"}
    return kinds.get(configuration.scheduler.variance_type) if configuration.unet.learned_variance else None


def _sampler_defaults(configuration: _Configuration) -> dict[str, Any]:
    defaults = configuration.scheduler.sampler_defaults
    return {**defaults, "variance": "learned"} if _learned_variance(configuration) else dict(defaults)


def _embeddings(unet: UNetConfig, card: Card, user: Corrections, folder: Layout) -> int:
    """The number of labels, counted from names where the network takes any number as a label."""
    if unet.embeddings is not None:
        return unet.embeddings
    names = user.class_names or card.corrections.class_names
    if names is None:
        raise ModelError(
            f"{folder.label(folder.network / CONFIG)} does not say how many classes there are: name them as "
            "class_names in explorer.json."
        )
    nulls = [label for label in (user.null_label, card.corrections.null_label) if label is not None]
    return max(len(names), *(label + 1 for label in nulls)) if nulls else len(names)
