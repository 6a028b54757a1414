"""What the formats of single files have in common: the facts, the card beside the file, and the model made of them.

A format says how its files are recognised, what one of them is (a `Plan`), and how its network is built. Everything
here may be inferred, and the user goes before the card, the card before the file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from explorer.facts import Kind, LearnedVariance, ModelError, ModelFacts, NamedSchedule, ProposedSampler
from explorer.formats.card import Card, read_card
from explorer.formats.checkpoint import Checkpoint, peek, read_checkpoint
from explorer.formats.classifiers import network_classifier, settle_classifier
from explorer.formats.context import Context
from explorer.formats.corrections import Corrections, PredictionName, parse_overrides, settle_classes
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.harm import wanted
from explorer.formats.samples import card_samples, usable_labels, usable_sheet
from explorer.formats.wrapped import unwrapped

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule
    from explorer.formats.autoencoder_files import AutoencoderFiles
    from explorer.formats.model import Model

STUMBLES = (LookupError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError)
"""What reading the parts of a file raises that are not what their names promise: there are too many to ask each."""

N = TypeVar("N")
V = TypeVar("V")


@dataclass(frozen=True)
class ScheduleSpec:
    """A schedule of explorer.diffusion.schedules with the family's own numbers; or, in place of it, β_t of a
    variance-preserving one or σ_t of a variance-exploding one for t = 1 … T."""

    name: str
    T: int
    arguments: Mapping[str, float] = field(default_factory=dict)
    betas: tuple[float, ...] = ()
    sigmas: tuple[float, ...] = ()
    zero_terminal_snr: bool = False
    """Rescaled so that nothing of the data is left at T."""

    @property
    def named(self) -> NamedSchedule | None:
        """None for a list of numbers."""
        if self.betas or self.sigmas:
            return None
        return NamedSchedule(self.name, tuple(self.arguments.items()), self.zero_terminal_snr)

    @property
    def label(self) -> str:
        """The name that the built schedule has."""
        return self.name if self.named is None else self.named.label

    def build(self) -> Schedule:
        """Raises ModelError for numbers that make none."""
        from explorer.diffusion.schedules import (
            SCHEDULES,
            DiscreteSchedule,
            rescale_zero_terminal_snr,
            trained,
            trained_levels,
        )

        try:
            if self.sigmas:
                return trained_levels(self.sigmas)
            made = trained(self.betas) if self.betas else SCHEDULES[self.name](self.T, **self.arguments)
            if self.zero_terminal_snr and isinstance(made, DiscreteSchedule):
                return rescale_zero_terminal_snr(made)
            return made
        except ValueError as error:
            raise ModelError(f"The file's noise schedule is none: {error}.") from error


@dataclass(frozen=True)
class Plan(Generic[N]):
    """What a file was found to be. network: what the format needs to build its network.

    embeddings: number of labels that the network knows, null_label among them; 0 for none.
    learned_variance: what the output's second half of channels is, see NetworkDenoiser; None where there is none.
    """

    network: N
    shape: tuple[int, ...]
    schedule: ScheduleSpec
    prediction: Candidate[PredictionName]
    kind: Kind = "image"
    value_range: Candidate[tuple[float, float]] = Candidate((-1.0, 1.0), "default")
    embeddings: int = 0
    null_label: Candidate[int] = Candidate(None, "file")
    class_names: Candidate[tuple[str, ...]] = Candidate(None, "file")
    learned_variance: LearnedVariance | None = None
    sampler_defaults: Mapping[str, Any] = field(default_factory=dict)
    weight_sets: tuple[str, ...] = ()
    """Those in the file, where it has sets with names."""
    weights: str = ""
    """The one of them to read."""
    presets: tuple[str, ...] = ()
    preset: str = ""
    proposed: ProposedSampler | None = None
    """The sampler that the network was made for, where the card names none."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Facts that the user cannot set otherwise, see ModelFacts."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What is in force of what the weights do not say, see ModelFacts."""
    prompted: bool = False
    """The network is led by a text."""
    latent: bool = False
    """The network works on latents, so that an autoencoder can be chosen."""
    autoencoder: AutoencoderFiles | None = None
    """What turns these into pictures, where it was found."""

    @property
    def picture_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of what a latent decodes to, None where nothing decodes."""
        return None if self.autoencoder is None else self.autoencoder.config.picture_shape(self.shape)


class SingleFile(ABC, Generic[N]):
    """A Format whose models are single files."""

    name: str

    @abstractmethod
    def recognise(self, checkpoint: Checkpoint) -> float:
        """How surely the content is of this format, 0 … 1. Must not raise."""

    @abstractmethod
    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[N]:
        """What the file is, recorded as evidence. Without torch. Raises ModelError."""

    @abstractmethod
    def network(
        self, checkpoint: Checkpoint, plan: Plan[N], schedule: Schedule, no_label: int | None, device: torch.device
    ) -> Callable[[Tensor, float, Condition], Tensor]:
        """The network of a plan with the file's weights, called with our t. no_label: the label of samples without
        one, None where the network takes no labels. Raises ModelError."""

    def sniff(self, path: Path) -> float:
        if not path.is_file():
            return 0.0
        checkpoint = peek(path)
        if checkpoint is None:
            return 0.0
        return self._sure(checkpoint)

    def sniff_inside(self, path: Path) -> float:
        """How surely one of the tables inside is of this format, 0 … 1, for a file that by itself is of none."""
        checkpoint = peek(path) if path.is_file() else None
        return 0.0 if checkpoint is None else max(map(self._sure, self._views(checkpoint).values()), default=0.0)

    def _sure(self, checkpoint: Checkpoint) -> float:
        try:
            return self.recognise(checkpoint)
        except STUMBLES:
            return 0.0

    def _views(self, checkpoint: Checkpoint) -> dict[str, Checkpoint]:
        """By the name of the set of weights: the file itself, or tables inside that are of this format."""
        if self._sure(checkpoint):
            return {"": checkpoint}
        found: dict[str, Checkpoint] = {}
        for name, view in unwrapped(checkpoint):
            if name not in found and self._sure(view):
                found[name] = view
        return found

    def _planned(self, checkpoint: Checkpoint, context: Context) -> tuple[Checkpoint, Plan[N]]:
        """The part of the file that is the model, and what it is. Raises ModelError."""
        views = self._views(checkpoint) or {"": checkpoint}
        if len(views) == 1:
            (view,) = views.values()
            return view, self.plan(view, context)
        name = context.weight_set(views)
        inner = replace(context, card=replace(context.card, weights=None), user=replace(context.user, weights=None))
        plan = self.plan(views[name], inner)
        return views[name], replace(plan, weight_sets=tuple(views), weights=name)

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        evidence, card, user = Evidence(), read_card(path), parse_overrides(overrides)
        evidence.warnings.extend(card.warnings)
        context = Context(evidence, card.corrections, user)
        title = context.choose("title", "title", default=path.stem, where="the file's name")
        with _odd(path, self.name):
            checkpoint, plan = self._planned(read_checkpoint(path), context)
        if checkpoint.harmful:
            evidence.warn(
                f"{path.name} asks Python to run code ({wanted(checkpoint.harmful)}), as no checkpoint does: nothing "
                "of it was run, but do not open it with other programs."
            )
        return facts_of(self.name, path, title, plan, card, context)

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.diffusion.denoiser import NetworkDenoiser
        from explorer.formats.model import Model

        checkpoint = read_checkpoint(path)
        chosen = Corrections(
            size=facts.shape if facts.on_grid else None,
            weights=facts.weights or None,
            preset=facts.preset or None,
            autoencoder=facts.autoencoder or None,
            **facts.settings,
        )
        no_label = (facts.null_label or 0) if facts.conditional else None
        with _odd(path, self.name):
            checkpoint, plan = self._planned(checkpoint, Context(Evidence(), user=chosen))
            schedule = plan.schedule.build()
            call = self.network(checkpoint, plan, schedule, no_label, device)
        classifier = None if facts.classifier is None else network_classifier(facts.classifier, schedule, device)
        facts, samples = card_samples(path, facts)
        denoiser = NetworkDenoiser(call, schedule, facts.prediction, plan.learned_variance)
        model = Model(facts, denoiser, samples, device, classifier=classifier)
        if plan.autoencoder is None:
            return model
        from explorer.formats.autoencoder import with_autoencoder

        with _odd(path, self.name):
            return with_autoencoder(model, plan.autoencoder.load(device))


@contextmanager
def _odd(path: Path, format: str) -> Iterator[None]:
    """Of a file that begins like one of a format and then is none, say so in one sentence."""
    try:
        yield
    except STUMBLES as error:
        raise ModelError(f"{path.name} looks like a file of {format}, but its parts do not fit together.") from error


def facts_of(format: str, path: Path, title: str, plan: Plan[Any], card: Card, context: Context) -> ModelFacts:
    """The facts of a plan, settled between the user, the card and the file, and recorded as evidence."""
    evidence = context.evidence
    prediction: PredictionName = context.choose("prediction", "prediction type", plan.prediction, default="eps")
    value_range = context.choose(
        "value_range",
        "value range",
        plan.value_range,
        default=(-1.0, 1.0),
        show=lambda ends: f"{ends[0]:.4g} … {ends[1]:.4g}",
    )
    class_names, null_label = settle_classes(
        plan.embeddings, plan.class_names, plan.null_label, context.card, context.user, evidence
    )
    evidence.add("file", f"{path.name}, {path.stat().st_size / 1e6:,.1f} MB", "file", path.name)
    shown = plan.picture_shape or plan.shape
    sheet = usable_sheet(card.sheet, shown, evidence, context.resized) if plan.kind == "image" else None
    labels = usable_labels(sheet, class_names, evidence)
    classifier = None
    if plan.kind == "image" and plan.autoencoder is None:
        # Classifier guidance starts from the unconditional model, which needs a null label.
        names = class_names if null_label is not None else ()
        classifier = settle_classifier(path.parent, plan.shape, value_range, names, evidence)
    card.add_texts(evidence)
    choice = len(plan.weight_sets) > 1
    defaults = {"clip": plan.kind == "image", **plan.sampler_defaults}
    if plan.learned_variance:
        defaults["variance"] = "learned"
    return ModelFacts(
        path=str(path),
        format=format,
        title=title,
        kind="latent" if plan.autoencoder is not None else plan.kind,
        shape=plan.shape,
        prompted=plan.prompted,
        picture_shape=plan.picture_shape,
        autoencoder=(context.user.autoencoder or context.card.autoencoder or "") if plan.latent else None,
        T=plan.schedule.T,
        prediction=prediction,
        schedule_numbers=plan.schedule.named,
        fixed=plan.fixed,
        settings=plan.settings,
        schedule=plan.schedule.label,
        value_range=value_range,
        class_names=class_names,
        null_label=null_label,
        sampler_defaults=defaults,
        learned_variance=plan.learned_variance,
        sample_count=sheet.count if sheet else 0,
        sample_labels=labels,
        classifier=classifier,
        weight_sets=plan.weight_sets if choice else (),
        weights=plan.weights if choice else "",
        proposed=card.proposed or plan.proposed,
        presets=plan.presets,
        preset=plan.preset,
        summary=card.summary,
        evidence=tuple(evidence.facts),
        warnings=tuple(evidence.warnings),
    )
