"""What is on show at one time."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.request.subject import ByHand, Clip, Forward, Guidance, ModelRef, Replay


@dataclass(frozen=True)
class Open:
    """Read a model's weights."""

    model: ModelRef


@dataclass(frozen=True)
class Tabulate:
    """The numbers of the schedule that the model reference names."""

    model: ModelRef


@dataclass(frozen=True)
class Look:
    """What does the model say at (x_t, t)? t counts for a Forward source; a Replay has its step's own.

    clip: how a sampler would limit x̂₀ here; a Replay has its run's own.
    """

    model: ModelRef
    source: Forward | Replay
    t: int
    guidance: Guidance
    lenses: tuple[str, ...]
    against: int | None = None
    """Of a Replay: another run, whose tiles at the same time are shown beside it."""
    clip: Clip | None = None
    by_hand: ByHand = ByHand()
    """Of a latent chain: what of z_t is set by hand."""
    partner: int = 0
    """Of a latent chain: the data sample that an interpolation goes to."""
    second: ModelRef | None = None
    """Another model, whose tiles at the same x_t and t are shown beside these."""
    second_own: bool = False
    """Of a Replay: show the second model's own run from the same x_T, in place of what it says at the first's x_t."""
    place: tuple[int, int] | None = None
    """Row and column of the pixel that lenses of one number are about, None for the one in the middle."""


@dataclass(frozen=True)
class Film:
    """x_t of the first sample at several times, for the filmstrip. Needs no network."""

    model: ModelRef
    source: Forward
    times: tuple[int, ...]


@dataclass(frozen=True)
class Prepare:
    """Make later answers about batches of this size faster, when there is nothing else to do."""

    model: ModelRef
    count: int


@dataclass(frozen=True)
class Forms:
    """How each form of what the model says follows from each, at what is on show."""

    look: Look
