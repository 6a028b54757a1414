"""Folders of our own picture networks: `config.json` with "format": "diffusion-explorer" and the kind "image".

network          "unet"; network_config: its sizes
schedule         {"name": …, further arguments of that schedule}, or {"name": "learned", "T", "bends"}: its own weights
                 then lie beside the network's in `model.safetensors`, as "schedule.…"
prediction       "x0", "eps", "score" or "v"; over_noise, beside_x_t: what is done with the output first (see `Meaning`)
value_range, class_names   optional; a network of n labels has the null label n
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts, NamedSchedule
from explorer.formats.card import read_card
from explorer.formats.classifiers import network_classifier, settle_classifier
from explorer.formats.context import Context
from explorer.formats.corrections import Corrections, parse_overrides, settle_classes
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import Fields, read_json, short
from explorer.formats.own_layout import (
    CONFIG,
    FORMAT_NAME,
    OWN_NULL,
    WEIGHTS,
    add_weights,
    check_weights,
    folder_title,
    own_config,
    sources,
    stated_in,
)
from explorer.formats.samples import card_samples, usable_labels, usable_sheet
from explorer.formats.schedule_names import DEFAULT_T, MAX_T, SCHEDULE_ARGUMENTS, schedule_arguments

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.diffusion.schedules import Schedule
    from explorer.formats.model import Model
    from explorer.networks.unet import UNet

KIND, NETWORK, LEARNED = "image", "unet", "learned"

SIZES: dict[str, tuple[int, int]] = {
    "channels": (1, 64),
    "size": (4, 1024),
    "width": (8, 4096),
    "deep": (1, 16),
    "frequencies": (1, 1024),
    "classes": (0, 100_000),
    "fourier_first": (0, 16),
    "fourier_count": (0, 16),
}
"""The least and the greatest of each of the network's sizes."""

MULTIPLES = {"size": 4, "width": 8}
MAX_BENDS = 100_000
LEARNED_WHY = "the schedule was learned together with the network, which is told nothing else"


@dataclass(frozen=True)
class _Configuration:
    sizes: dict[str, int]
    schedule: str
    schedule_arguments: dict[str, float]
    bends: int
    T: int
    stated: Corrections
    over_noise: bool
    beside_x_t: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        size = self.sizes.get("size", 28)
        return self.sizes.get("channels", 1), size, size

    @property
    def embeddings(self) -> int:
        """Number of labels, the null label (the last) included; 0 for a network that takes none."""
        classes = self.sizes.get("classes", 0)
        return classes + 1 if classes else 0


class OwnPictures:
    """The Format of such folders."""

    name = FORMAT_NAME

    def sniff(self, path: Path) -> float:
        return 1.0 if own_config(path).get("kind") == KIND else 0.0

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        evidence, card, user = Evidence(), read_card(path), parse_overrides(overrides)
        evidence.warnings.extend(card.warnings)
        configuration = _read(path)
        stated, given = configuration.stated, configuration.schedule_arguments
        learned = configuration.schedule == LEARNED
        check_weights(path)
        title = folder_title(path, user, card, stated, evidence)
        evidence.add("network", NETWORK, "file", CONFIG)
        channels, *own_size = configuration.shape
        side = Candidate((own_size[0], own_size[1]), "file", CONFIG)
        context = Context(evidence, card.corrections, user)
        shape = context.shape(channels, side, multiple=MULTIPLES["size"])
        evidence.add("T", configuration.T, "file", CONFIG)
        evidence.add("noise schedule", configuration.schedule, "file", CONFIG)
        prediction = evidence.choose("prediction type", *sources("prediction", user, card, stated), default="eps")
        value_range = evidence.choose(
            "value range",
            *sources("value_range", user, card, stated),
            default=(-1.0, 1.0),
            show=lambda ends: f"{ends[0]:g} … {ends[1]:g}",
        )
        class_names, null_label = settle_classes(
            configuration.embeddings,
            Candidate(stated.class_names, "file", CONFIG),
            Candidate(configuration.embeddings - 1, "file", CONFIG),
            replace(card.corrections, null_label=None),
            replace(user, null_label=None),
            evidence,
        )
        add_weights(path, evidence)
        sheet = usable_sheet(card.sheet, shape, evidence, context.resized)
        labels = usable_labels(sheet if class_names else None, class_names, evidence)
        # A network that takes no labels can still be led to one, where it is known what the data are of.
        names = class_names or stated.class_names or ()
        classifier = settle_classifier(path, shape, value_range, names, evidence)
        card.add_texts(evidence)
        return ModelFacts(
            path=str(path),
            format=self.name,
            title=title,
            kind="image",
            shape=shape,
            T=configuration.T,
            prediction=prediction,
            schedule=configuration.schedule,
            schedule_numbers=None if learned else NamedSchedule(configuration.schedule, tuple(given.items())),
            fixed={"null_label": OWN_NULL, **(dict.fromkeys(("schedule", "T"), LEARNED_WHY) if learned else {})},
            value_range=value_range,
            class_names=class_names,
            null_label=null_label,
            sampler_defaults={"clip": False},
            sample_count=sheet.count if sheet else 0,
            sample_labels=labels,
            classifier=classifier,
            proposed=card.proposed,
            summary=card.summary,
            evidence=tuple(evidence.facts),
            warnings=tuple(evidence.warnings),
        )

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.formats.model import Model
        from explorer.networks.unet import Meaning, picture_denoiser

        configuration = _read(path)
        network, schedule = _load(path, configuration, device)
        meaning = Meaning(facts.prediction, configuration.over_noise, configuration.beside_x_t)
        facts, samples = card_samples(path, facts)
        classifier = None if facts.classifier is None else network_classifier(facts.classifier, schedule, device)
        return Model(facts, picture_denoiser(network, schedule, meaning), samples, device, classifier=classifier)


FORMAT = OwnPictures()


def _read(path: Path) -> _Configuration:
    """Raises ModelError for anything that cannot be built."""
    label = f"{path.name}/{CONFIG}"
    fields = Fields(read_json(path / CONFIG, label), label)
    if fields.choice("network", None, (NETWORK,)) is None:
        raise fields.wrong("network", NETWORK)
    schedule, known = fields.object("schedule"), (*SCHEDULE_ARGUMENTS, LEARNED)
    name = schedule.choice("name", None, known) if schedule else None
    if schedule is None or name is None:
        raise fields.wrong("schedule", f"an object whose name is one of {', '.join(known)}")
    if "prediction" not in fields:
        raise fields.wrong("prediction", "what the network's output means")
    learned = name == LEARNED
    return _Configuration(
        sizes=_sizes(fields.object("network_config") or Fields({}, label)),
        schedule=name,
        schedule_arguments={} if learned else schedule_arguments(name, schedule),
        bends=schedule.integer("bends", 64, 1, MAX_BENDS) if learned else 0,
        T=schedule.integer("T", DEFAULT_T.get(name, 1000), 1, MAX_T),
        stated=stated_in(fields),
        over_noise=fields.boolean("over_noise", False),
        beside_x_t=fields.boolean("beside_x_t", False),
    )


def _sizes(fields: Fields) -> dict[str, int]:
    if unknown := [key for key in fields.values if key not in SIZES]:
        raise ModelError(f"{fields.label} gives {short(unknown[0])}, which the network {NETWORK} does not have.")
    given = {key: fields.integer(key, None, *ends) for key, ends in SIZES.items()}
    sizes = {key: size for key, size in given.items() if size is not None}
    for key, factor in MULTIPLES.items():
        if sizes.get(key, factor) % factor:
            raise fields.wrong(key, f"a multiple of {factor}")
    return sizes


def _load(path: Path, configuration: _Configuration, device: torch.device) -> tuple[UNet, Schedule]:
    """The network on `device`, and its schedule. Raises ModelError where the weights do not fit."""
    import torch
    from torch import nn

    from explorer.diffusion.schedules import SCHEDULES
    from explorer.formats.tensors import load_weights
    from explorer.networks.monotone import Monotone, MonotoneConfig
    from explorer.networks.unet import UNet, UNetConfig

    with torch.device("meta"):  # shapes without memory
        network = UNet(UNetConfig(**configuration.sizes))
        learned = Monotone(MonotoneConfig(configuration.bends)) if configuration.schedule == LEARNED else None
        parts = nn.ModuleDict({"network": network} | ({"schedule": learned} if learned is not None else {}))
    try:
        load_weights(parts, path / WEIGHTS, f"{path.name}/{WEIGHTS}", device, _in_part)
        if learned is not None:
            return network, learned.schedule(configuration.T)
        return network, SCHEDULES[configuration.schedule](configuration.T, **configuration.schedule_arguments)
    except ValueError as error:
        raise ModelError(f"The model's schedule is none: {error}.") from error


def _in_part(name: str) -> str:
    return name if name.startswith("schedule.") else f"network.{name}"
