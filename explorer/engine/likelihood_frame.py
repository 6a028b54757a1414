"""What the engine answers about likelihoods and scores. Frames as those of `frame.py`: numpy arrays at most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PartKind: TypeAlias = Literal["reconstruction", "kl", "prior"]


@dataclass(frozen=True)
class Value:
    """A mean and its standard error, NaN where that is not known."""

    mean: float
    error: float

    @property
    def errors_from_zero(self) -> float:
        """How many standard errors lie between the mean and 0: 0 for a mean of 0, infinite where the error is 0."""
        if self.mean == 0:
            return 0.0
        return abs(self.mean) / self.error if self.error else math.inf


@dataclass(frozen=True, eq=False)
class TermCurve:
    """The computed terms of one split, (k,) each: time, mean and standard error of the step at that time in nats,
    and the variance of one draw of one sample."""

    t: NDArray[np.int64]
    mean: Floats
    error: Floats
    variance: Floats


@dataclass(frozen=True, eq=False)
class BoundStack:
    """One way to write log p(x_0) ≥ Σ values, as parts to be added up along the time axis, in nats per sample.

    kinds: of the k parts, in the order in which they are added up. begin, end: (k,), where on the axis of times (or of
    levels) a "kl" lies; NaN for a reconstruction, which stands before the axis, and a prior, which stands after it.
    values: (k,), what each adds to log p: a KL adds a negative number. names: of the parts, () where there are too many
    to name. total: their sum.
    """

    name: str
    kinds: tuple[PartKind, ...]
    begin: Floats
    end: Floats
    values: Floats
    total: Value
    names: tuple[str, ...] = ()

    def sum_of(self, kind: PartKind) -> float:
        """What all parts of a kind add to log p, in nats."""
        return float(self.values[[one == kind for one in self.kinds]].sum())

    def running(self) -> tuple[Floats, Floats]:
        """The time axis and what has been added up by there, the reconstruction first, without what stands behind
        the axis: (m + 1,) each, of m parts "kl"."""
        lying = np.array([kind == "kl" for kind in self.kinds])
        begin, end = self.begin[lying], self.end[lying]
        start = self.sum_of("reconstruction")
        y = np.concatenate([[start], start + np.cumsum(self.values[lying])])
        return (np.concatenate([begin[:1], end]), y) if lying.any() else (np.zeros(1), y)


@dataclass(frozen=True)
class SplitValues:
    """total = reconstruction − prior − terms, in nats per sample; variance: of one draw of one sample's total."""

    reconstruction: Value
    prior: Value
    terms: Value
    total: Value
    variance: float


@dataclass(frozen=True)
class BoundTotals:
    """Of all samples that are done. difference: (A) less (B), sample by sample.

    exact: log p where it is known; gap: exact less the total of (A), sample by sample.
    """

    matching: SplitValues
    consistency: SplitValues
    difference: Value
    exact: Value | None
    gap: Value | None


@dataclass(frozen=True, eq=False)
class Bounded:
    """How far the variational bound is known. samples: how many are done, of `wanted`. T: of the model.

    matching, consistency: the terms of (A) and (B); some of them alone before the first samples are done, and then
    there are no totals. ode: log p by the probability-flow ODE of the first ode_samples, None where not asked for or
    not known yet. discretised: of 8-bit pictures rather than of a density. label: of log p(x_0|y), None for log p(x_0).
    """

    samples: int
    wanted: int
    T: int
    dimensions: int
    discretised: bool
    label: int | None
    matching: TermCurve
    consistency: TermCurve
    totals: BoundTotals | None = None
    ode: Value | None = None
    ode_samples: int = 0
    finished: bool = False
    stacks: tuple[BoundStack, ...] = ()
    schedule: str = ""


@dataclass(frozen=True)
class Bounding:
    """The bound is being computed. fraction: 0 … 1."""

    fraction: float
    doing: str


@dataclass(frozen=True)
class ObjectiveValues:
    """A score-matching objective of the model, of the exact score, and what the one is above the other.

    off: that excess less half the Fisher divergence, sample by sample; its expectation is 0.
    """

    name: str
    model: Value
    exact: Value
    excess: Value
    off: Value


@dataclass(frozen=True)
class ScoresMatched:
    """The objectives at one time, of `count` points. half_fisher: ½ E‖ŝ − ∇log p‖²; relative: √(E‖ŝ − ∇log p‖² /
    E‖∇log p‖²)."""

    t: int
    count: int
    objectives: tuple[ObjectiveValues, ...]
    half_fisher: Value
    relative: float


@dataclass(frozen=True, eq=False)
class LatentBounded:
    """How far the ELBO of a latent chain is known, in nats per sample, means over the samples done with their errors.

    levels: K_1 … K_L. weighted: the importance-weighted bound by `importance` draws; gap: that less the ELBO, sample by
    sample. elbo_by_sample, weighted_by_sample: (samples,). curve: (k, 2), the weighted bound by so many draws.
    """

    samples: int
    wanted: int
    dimensions: int
    draws: int
    importance: int
    reconstruction: Value
    levels: tuple[Value, ...]
    elbo: Value
    weighted: Value
    gap: Value
    elbo_by_sample: Floats
    weighted_by_sample: Floats
    curve: Floats
    finished: bool = False
