"""Folders of our own networks: `config.json` with "format": "diffusion-explorer", and `model.safetensors`.

network          a name in explorer.networks.NETWORKS, or "exact": the truth itself, with no weights
network_config   the network's sizes
schedule         {"name": …, further arguments of that schedule}
prediction       "x0", "eps", "score", "v" or "flow"
kind, shape      "points", [2] for points in the plane, [1] for single numbers
truth            optional: weights, means and covariances of the Gaussian mixture the data are drawn from; pieces:
                 which components belong together, as labels see them
class_names, conditional, samples {"count", "seed"}, value_range, title   optional
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts, NamedSchedule
from explorer.formats.card import Card, read_card
from explorer.formats.classifiers import exact_classifier, posterior
from explorer.formats.corrections import PREDICTIONS, Corrections, parse_overrides, settle_classes
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
from explorer.formats.schedule_names import DEFAULT_T, MAX_T, SCHEDULE_ARGUMENTS, schedule_arguments
from explorer.formats.truth import Truth, require_truth

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import nn

    from explorer.diffusion.denoiser import Denoiser
    from explorer.diffusion.schedules import Schedule
    from explorer.formats.model import Model

EXACT = "exact"
EXACT_FIXED = {
    "prediction": "the exact model computes the score of the mixture",
    **dict.fromkeys(
        ("time_offset", "time_scale", "time_reversed"),
        "the exact model computes with a(t) and s(t), and is told no time",
    ),
}
"""What nobody can set of the exact model, and why."""

NETWORK_LIMITS: dict[str, dict[str, tuple[int, int]]] = {
    "mlp": {
        "dim": (1, 2),
        "hidden": (1, 8192),
        "layers": (1, 64),
        "frequencies": (1, 1024),
        "classes": (0, 100_000),
        "point_frequencies": (0, 1024),
    },
    EXACT: {},
}
"""The networks of points and numbers, and the least and greatest of each of their sizes."""

SHAPES = {(1,): "1: numbers on a line", (2,): "2: points in the plane"}
SAMPLES = 5_000


@dataclass(frozen=True)
class _Configuration:
    network: str
    shape: tuple[int]
    sizes: dict[str, int]
    schedule: str
    schedule_arguments: dict[str, float]
    T: int
    stated: Corrections
    embeddings: int
    """Number of labels, the null label (the last) included; 0 for a network that takes none."""
    truth: Truth | None
    samples: int
    seed: int


class OwnFolder:
    """The Format of such folders."""

    name = FORMAT_NAME

    def sniff(self, path: Path) -> float:
        return 1.0 if own_config(path) else 0.0

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        evidence, card, user = Evidence(), read_card(path), parse_overrides(overrides)
        evidence.warnings.extend(card.warnings)
        configuration = _read(path)
        stated, truth = configuration.stated, configuration.truth
        if configuration.network != EXACT:
            check_weights(path)

        title = folder_title(path, user, card, stated, evidence)
        evidence.add("network", configuration.network, "file", CONFIG)
        evidence.add("shape", SHAPES[configuration.shape], "file", CONFIG)
        evidence.add("T", configuration.T, "file", CONFIG)
        evidence.add("noise schedule", configuration.schedule, "file", CONFIG)
        prediction = _prediction(configuration, card, user, evidence)
        reach = truth.reach if truth else 1.0
        value_range = evidence.choose(
            "value range",
            *sources("value_range", user, card, stated),
            Candidate((-reach, reach) if truth else None, "inferred", "three standard deviations of the truth"),
            default=(-1.0, 1.0),
            show=lambda ends: f"{ends[0]:.4g} … {ends[1]:.4g}",
        )
        embeddings = configuration.embeddings
        if any(given.null_label not in (None, embeddings - 1) for given in (card.corrections, user)):
            evidence.warn("The given null label is not used: the network has its own, the last.")
        class_names, null_label = settle_classes(
            embeddings,
            Candidate(stated.class_names, "file", CONFIG),
            Candidate(embeddings - 1, "file", CONFIG),
            replace(card.corrections, null_label=None),
            replace(user, null_label=None),
            evidence,
        )
        if configuration.network != EXACT:
            add_weights(path, evidence)
        if truth:
            evidence.add("truth", f"a mixture of {len(truth.weights)} Gaussians", "file", CONFIG)
            evidence.add("samples", f"{configuration.samples} points drawn from the truth", "inferred", CONFIG)
        classifier = exact_classifier(truth.piece_count, class_names) if truth else None
        if classifier is not None:
            evidence.add("classifier", classifier.title, "inferred", CONFIG)
        card.add_texts(evidence)
        return ModelFacts(
            path=str(path),
            format=self.name,
            title=title,
            kind="line" if configuration.shape == (1,) else "points",
            shape=configuration.shape,
            T=configuration.T,
            prediction=prediction,
            schedule=configuration.schedule,
            schedule_numbers=NamedSchedule(configuration.schedule, tuple(configuration.schedule_arguments.items())),
            fixed={"null_label": OWN_NULL, **(EXACT_FIXED if configuration.network == EXACT else {})},
            value_range=value_range,
            class_names=class_names,
            null_label=null_label,
            sampler_defaults={"clip": False},  # points lie anywhere
            sample_count=configuration.samples if truth else 0,
            truth_known=truth is not None,
            classifier=classifier,
            density_known=configuration.network == EXACT,
            summary=card.summary,
            evidence=tuple(evidence.facts),
            warnings=tuple(evidence.warnings),
        )

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        """The samples' labels, which only drawing them tells, are added to the facts."""
        import numpy as np

        from explorer.formats.model import Model

        configuration = _read(path)
        schedule, truth = _schedule(configuration), configuration.truth
        denoiser, network = _denoiser(path, configuration, facts, schedule, device)
        if truth is None:
            return Model(facts, denoiser, np.zeros((0, *configuration.shape), np.float32), device, network=network)
        points, labels = truth.draw(configuration.samples, configuration.seed)
        if len(facts.class_names) == truth.piece_count:
            facts = replace(facts, sample_labels=labels)
        mixture = truth.mixture(device)
        classifier = posterior(mixture, schedule)
        return Model(facts, denoiser, points, device, mixture, classifier=classifier, network=network)


FORMAT = OwnFolder()


def _prediction(configuration: _Configuration, card: Card, user: Corrections, evidence: Evidence) -> Any:
    if configuration.network == EXACT:
        evidence.add("prediction type", "score", "inferred", "the exact model")
        if user.prediction not in (None, "score"):
            evidence.warn("The exact model gives the score; the given prediction type is not used.")
        return "score"
    return evidence.choose(
        "prediction type", *sources("prediction", user, card, configuration.stated), default="v", where=CONFIG
    )


def _read(path: Path) -> _Configuration:
    """Raises ModelError for anything that cannot be built."""
    label = f"{path.name}/{CONFIG}"
    fields = Fields(read_json(path / CONFIG, label), label)
    if fields.values.get("kind") != "points":
        raise ModelError(
            f"{label} describes a network of the kind {short(fields.values.get('kind'))}, which is no diffusion model "
            "of points: open another folder."
        )
    shape = fields.integers("shape", 1, 1_000_000, 8)
    if shape not in ((1,), (2,)):
        raise fields.wrong("shape", "[2], or [1] for single numbers")
    network = fields.choice("network", None, tuple(NETWORK_LIMITS))
    if network is None:
        raise fields.wrong("network", f"one of {', '.join(NETWORK_LIMITS)}")
    schedule = fields.object("schedule")
    name = schedule.choice("name", None, tuple(SCHEDULE_ARGUMENTS)) if schedule else None
    if schedule is None or name is None:
        raise fields.wrong("schedule", f"an object whose name is one of {', '.join(SCHEDULE_ARGUMENTS)}")
    if network != EXACT and "prediction" not in fields:
        raise fields.wrong("prediction", f"one of {', '.join(PREDICTIONS)}")
    samples = fields.object("samples") or Fields({}, label)
    sizes = _sizes(network, fields.object("network_config") or Fields({}, label))
    if network == "mlp" and sizes.get("dim", 2) != shape[0]:
        raise fields.wrong("shape", f"[{sizes.get('dim', 2)}], as many numbers as its network takes")
    truth = require_truth(fields, shape[0])
    classes = truth.piece_count if truth and network == EXACT else sizes.get("classes", 0)
    return _Configuration(
        network=network,
        shape=(shape[0],),
        sizes=sizes,
        schedule=name,
        schedule_arguments=schedule_arguments(name, schedule),
        T=schedule.integer("T", DEFAULT_T[name], 1, MAX_T),
        stated=stated_in(fields),
        embeddings=classes + 1 if classes and fields.boolean("conditional", True) else 0,
        truth=truth,
        samples=samples.integer("count", SAMPLES, 1, 1_000_000),
        seed=samples.integer("seed", 0, 0, 2**63),
    )


def _sizes(network: str, fields: Fields) -> dict[str, int]:
    limits = NETWORK_LIMITS[network]
    if unknown := [key for key in fields.values if key not in limits]:
        raise ModelError(f"{fields.label} gives {short(unknown[0])}, which the network {network} does not have.")
    sizes = {key: fields.integer(key, None, *ends) for key, ends in limits.items()}
    return {key: size for key, size in sizes.items() if size is not None}


def _schedule(configuration: _Configuration) -> Schedule:
    from explorer.diffusion.schedules import SCHEDULES

    try:
        return SCHEDULES[configuration.schedule](configuration.T, **configuration.schedule_arguments)
    except ValueError as error:
        raise ModelError(f"The configuration's schedule is none: {error}.") from error


def _denoiser(
    path: Path, configuration: _Configuration, facts: ModelFacts, schedule: Schedule, device: torch.device
) -> tuple[Denoiser, nn.Module | None]:
    """The denoiser, and the network behind it where there is one."""
    import torch

    if configuration.network == EXACT:
        from explorer.diffusion.mixture import MixtureDenoiser

        if configuration.truth is None:
            raise ModelError(f"{path.name}/{CONFIG} states no truth.")
        return MixtureDenoiser(configuration.truth.mixture(device), schedule), None

    from explorer.formats.tensors import load_weights
    from explorer.networks import NETWORKS
    from explorer.networks.mlp import mlp_denoiser

    config_type, network_type = NETWORKS[configuration.network]
    with torch.device("meta"):  # shapes without memory
        network: Any = network_type(config_type(**configuration.sizes))
    load_weights(network, path / WEIGHTS, f"{path.name}/{WEIGHTS}", device)
    return mlp_denoiser(network, schedule, facts.prediction), network
