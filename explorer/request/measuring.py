"""Numbers about a model that take a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explorer.request.subject import ModelRef


@dataclass(frozen=True)
class Bound:
    """The variational bound in both splits on the model's first n samples; with a label that on log p(x_0|y), on
    samples of that class.

    t_samples: how many of the T − 1 terms, None for what suits the kind of model. variance: of p(x_{t−1}|x_t).
    ode: log p by the probability-flow ODE as well.
    """

    model: ModelRef
    n: int
    seed: int = 0
    variance: Literal["beta_tilde", "beta"] = "beta_tilde"
    t_samples: int | None = None
    ode: bool = False
    label: int | None = None


@dataclass(frozen=True)
class LatentBound:
    """The ELBO of a latent chain, and its importance-weighted bound by `importance` draws, on the first n samples.

    draws: of the ELBO, for each sample.
    """

    model: ModelRef
    n: int
    importance: int
    draws: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Probe:
    """Which conventions explain best what the network says of known pictures. picture: a file, or a folder of them."""

    model: ModelRef
    picture: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class ScoreMatching:
    """The score-matching objectives at time t, on the model's first `count` samples with the noise of `seed`."""

    model: ModelRef
    t: int
    count: int
    seed: int = 0


@dataclass(frozen=True)
class MeasureForms:
    """The errors of all forms over t, on the model's first samples with the noise of `seed`."""

    model: ModelRef
    samples: int
    seed: int = 0


@dataclass(frozen=True)
class MeasureContinuous:
    """The bound in continuous time, and the loss's variance on the model's schedule and on others."""

    model: ModelRef
    samples: int
    seed: int = 0
