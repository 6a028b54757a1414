"""What is known of a model and how it is known. Plain values: no tensors, no Qt; picklable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Source: TypeAlias = Literal["file", "card", "default", "inferred", "probed", "user"]
"""Where a fact came from: the model's files, the card beside them, the format's default, other facts, a probe of the
network, the user."""
Kind: TypeAlias = Literal["image", "points", "line", "latent"]
"""points: in the plane. line: single numbers. latent: arrays of channels on a grid, as pictures are, that an
autoencoder turns into pictures."""
LearnedVariance: TypeAlias = Literal["range", "value", "unused"]
"""What the second half of a network's output channels is: how far log σ² lies between those of β̃ and β, σ² itself, or
nothing that is looked at."""


GuidanceKind: TypeAlias = Literal["classifier-free", "classifier"]
"""Where ∇ log p(y | x_t) comes from: the network asked with and without the label, or a classifier."""


class ModelError(Exception):
    """A model that cannot be opened. The message is one plain sentence for the user."""


@dataclass(frozen=True)
class Fact:
    """One line of evidence, e.g. Fact("prediction type", "epsilon", "file", "scheduler/scheduler_config.json")."""

    name: str
    value: str
    source: Source
    where: str = ""
    instead: str = ""
    """What the model itself says, where the user or a probe goes before it."""


@dataclass(frozen=True)
class NamedSchedule:
    """A noise schedule by name, with the family's own numbers where they are not its defaults."""

    name: str
    arguments: tuple[tuple[str, float], ...] = ()
    zero_terminal_snr: bool = False

    def __str__(self) -> str:
        numbers = ", ".join(f"{key} {value:g}" for key, value in self.arguments)
        return f"{self.name} ({numbers})" if numbers else self.name

    @property
    def label(self) -> str:
        """The name that the schedule built from this has."""
        return f"{self.name}, zero terminal SNR" if self.zero_terminal_snr else self.name


@dataclass(frozen=True)
class TimeInput:
    """How the index i = t − 1 that the format would give the network becomes the one that it gets.

    i, or T − 1 − i where it is reversed, times `scale`, plus `offset`; a result that would lie before the first or
    after the last index becomes that.
    """

    offset: float = 0.0
    scale: float = 1.0
    reversed: bool = False

    @property
    def plain(self) -> bool:
        """True where nothing is changed."""
        return self == TimeInput()


@dataclass(frozen=True)
class ClassifierFacts:
    """A classifier p(y | x_t) that can guide a model.

    title: what the user is told it is. class_names: its labels. path: its folder, "" for the exact posterior of a
    known distribution.
    """

    title: str
    class_names: tuple[str, ...]
    path: str = ""


@dataclass(frozen=True)
class ProposedSampler:
    """The sampler to begin with, where a model is made for one. parameters: those that differ from its defaults."""

    sampler: str
    steps: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelFacts:
    """A model as the rest of the program sees it, known before its weights are read.

    Of a latent chain (a VAE, an HVAE) T counts its levels; it has neither a noise schedule nor guidance, nor the
    samplers of a diffusion model.
    """

    path: str
    format: str
    title: str
    kind: Kind
    shape: tuple[int, ...]
    """One sample: (channels, height, width) of pictures, (2,) of points, (1,) of numbers."""
    T: int
    prediction: Literal["x0", "eps", "score", "v", "flow"]
    schedule: str
    value_range: tuple[float, float] = (-1.0, 1.0)
    class_names: tuple[str, ...] = ()
    """Empty for an unconditional model."""
    null_label: int | None = None
    """The class index that stands for "no label"; None where the model has none, so guidance is impossible."""
    sampler_defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the model's own configuration says of sampler parameters, by field name: clip, clip_range, spacing, …"""
    learned_variance: LearnedVariance | None = None
    """None for a network without channels for one."""
    sample_count: int = 0
    sample_labels: tuple[int, ...] = ()
    truth_known: bool = False
    """True where the exact distribution of the data is known."""
    classifier: ClassifierFacts | None = None
    """What can guide the unconditional model; None where no classifier fits."""
    proposed: ProposedSampler | None = None
    """What the card proposes to sample with."""
    own_sampler: str = ""
    """The sampler that the model's own configuration names, such as "diffusers:DDPMScheduler"; "" for none."""
    density_known: bool = False
    """True where the model knows log p(x_t) itself, not its gradient alone."""
    schedule_numbers: NamedSchedule | None = None
    """The schedule by name and numbers, where it is one of those with a name."""
    time_input: TimeInput = TimeInput()
    weight_sets: tuple[str, ...] = ()
    """The sets of weights to choose from, such as "ema" and "raw"; empty where there is one alone."""
    weights: str = ""
    """The set in use, "" where there is one alone."""
    presets: tuple[str, ...] = ()
    """Published configurations to choose from, for what the file does not say."""
    preset: str = ""
    """The one in use, "" where the format has none."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Facts that the user cannot set otherwise, each with the reason: a sentence without its full stop."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What is in force of a network that its weights do not say, such as its attention heads, by the card's names."""
    kinds: tuple[Kind, ...] = ()
    """Those that the user can choose from; empty where there is one alone."""
    formats: tuple[str, ...] = ()
    """Formats that can read the model; empty where there is one alone."""
    program: str = ""
    """What the model is that runs code when it is opened, such as "a TorchScript program"; "" for mere weights."""
    prompted: bool = False
    """True where the model is led by a text, and the empty text stands for none."""
    picture_shape: tuple[int, int, int] | None = None
    """(channels, height, width) of the picture that a latent decodes to, values in [−1, 1]; None elsewhere."""
    autoencoder: str | None = None
    """Where the user or the card says that a latent model's autoencoder lies, "" where nobody does; None where none
    can be chosen."""
    family: Literal["diffusion", "chain"] = "diffusion"
    levels: tuple[int, ...] = ()
    """Of a latent chain: how many numbers z₁ … z_T have."""
    summary: str = ""
    evidence: tuple[Fact, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def on_grid(self) -> bool:
        """True where a sample is an array of channels on a grid: pictures and latents."""
        return self.kind in ("image", "latent")

    @property
    def shown_shape(self) -> tuple[int, ...]:
        """Of the pictures that a sample stands for: its own shape, or that of what a latent decodes to."""
        return self.picture_shape or self.shape

    @property
    def lens_kind(self) -> str:
        """Which lenses fit: those for pictures, points or numbers of a diffusion model, or those for a latent chain."""
        return "chain" if self.family == "chain" else self.kind

    @property
    def conditional(self) -> bool:
        """Whether the network takes labels."""
        return bool(self.class_names)

    @property
    def corrected(self) -> bool:
        """True where the user or a probe goes before the model's own word, but for its title."""
        return any(fact.source in ("user", "probed") and fact.name != "title" for fact in self.evidence)

    @property
    def guidable(self) -> bool:
        """True where classifier-free guidance is possible."""
        return self.prompted or (self.conditional and self.null_label is not None)

    def labels(self, kind: GuidanceKind) -> tuple[str, ...]:
        """The labels to choose from under a kind of guidance, () where it is not possible."""
        if kind == "classifier-free":
            return self.class_names
        return self.classifier.class_names if self.classifier is not None else ()


def subscript(number: int) -> str:
    """A number below a letter, as levels are written: z₃."""
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))


def check_comparable(a: ModelFacts, b: ModelFacts, label: int | None = None) -> None:
    """Raises ModelError, one sentence, where B cannot be asked what A is asked, with that label or none."""
    for chain in (a, b):
        if chain.family == "chain":
            raise ModelError(f"“{chain.title}” is a chain of latent variables: only diffusion models can be compared.")
    if (a.kind, a.shape) != (b.kind, b.shape):
        raise ModelError(
            f"“{b.title}” is for {_samples(b)} and “{a.title}” for {_samples(a)}: only models of one shape can be "
            "compared."
        )
    if label is not None and label >= len(b.class_names):
        raise ModelError(f"“{b.title}” has no label {label}: choose “none” to compare the two models.")


def _samples(facts: ModelFacts) -> str:
    if facts.kind == "line":
        return "single numbers"
    if facts.kind == "points":
        return f"points in {facts.shape[0]} dimensions"
    channels, height, width = facts.shape
    what = "latents" if facts.kind == "latent" else "pictures"
    return f"{what} of {width}×{height} with {channels} channel{'' if channels == 1 else 's'}"
