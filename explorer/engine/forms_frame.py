"""What is found about the forms of a prediction and about a schedule. Frozen, numpy arrays at most, as all Frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conversion:
    """target = x_t_factor · x_t + source_factor · source, at one time. difference: the largest one between that and
    what the network's own output gives, in float64; NaN for numbers that are not finite."""

    source: str
    target: str
    formula: str
    x_t_factor: float
    source_factor: float
    difference: float


@dataclass(frozen=True, eq=False)
class FormCurves:
    """Root mean squared error by t of each form of what a model says. t: (k,); errors: "x0", "eps", "score", "v" to
    (k,). samples: how many were measured; path: the model's folder."""

    path: str
    title: str
    T: int
    t: Floats
    errors: Mapping[str, Floats]
    samples: int


@dataclass(frozen=True, eq=False)
class FormsShown:
    """The conversions at t, with a, s and their slopes by t/T; output: the form the network gives. Without any where s
    or a is 0. stored: what the cards of this model and of its neighbours hold."""

    t: float
    a: float
    s: float
    a_slope: float
    s_slope: float
    output: str
    conversions: tuple[Conversion, ...]
    stored: tuple[FormCurves, ...]


@dataclass(frozen=True, eq=False)
class FormsMeasured:
    """curves: as far as they are known. fraction: 0 … 1 of the work."""

    curves: FormCurves
    fraction: float


@dataclass(frozen=True, eq=False)
class ScheduleLoss:
    """The loss ℓ(t) on one schedule, in bits per dimension: its mean and standard deviation over t (m,). variance: of
    one draw, bits²."""

    name: str
    t: Floats
    mean: Floats
    std: Floats
    variance: float


@dataclass(frozen=True, eq=False)
class ContinuousBound:
    """The bound in continuous time, in bits per dimension, each term with its standard error.

    first, last: −log SNR at the ends. losses: on the model's own schedule first. fraction: 0 … 1 of the levels.
    """

    samples: int
    first: float
    last: float
    prior: tuple[float, float]
    reconstruction: tuple[float, float]
    diffusion: tuple[float, float]
    losses: tuple[ScheduleLoss, ...]
    fraction: float

    @property
    def total(self) -> float:
        """Bits per dimension."""
        return self.prior[0] + self.reconstruction[0] + self.diffusion[0]
