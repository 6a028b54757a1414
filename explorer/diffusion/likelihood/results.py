"""What an estimate of the variational bound or of the likelihood is, as numpy arrays and numbers. In nats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A Monte-Carlo mean, per sample, and its standard error; NaN where a single value leaves that unknown."""

    mean: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Terms:
    """One term for each computed time, as curves over t; all arrays are of shape (k,).

    t: int64, ascending. weight: the number of steps that each stands for. mean, standard_error: of the single step
    at t, over samples and draws. variance: of one draw of one sample, which is what the two splits differ in.
    """

    t: NDArray[np.int64]
    weight: Floats
    mean: Floats
    standard_error: Floats
    variance: Floats


@dataclass(frozen=True, eq=False)
class Split:
    """One way of writing the bound: total = reconstruction − prior − terms_sum.

    per_sample: the total of each sample, float64 (n,), with which a paired comparison is far more exact.
    variance: that of the total from one draw of one sample.
    """

    reconstruction: Estimate
    prior: Estimate
    terms_sum: Estimate
    total: Estimate
    terms: Terms
    per_sample: Floats
    variance: float


@dataclass(frozen=True, eq=False)
class Elbo:
    """The bound on log p(x_0) in both splits, from the same noise.

    matching: split (A), the terms being KL(q(x_{t−1}|x_t,x_0) ‖ p_θ(x_{t−1}|x_t)) at t = 2 … T.
    consistency: split (B), the terms being E[log q(x_t|x_{t−1}) − log p_θ(x_t|x_{t+1})] at t = 1 … T − 1.
    difference: the total of (A) less that of (B), sample by sample, which is more exact than either.
    as_written: (k,), what (B)'s terms would be if x_t were drawn from q(x_t|x_{t−1}) whatever x_{t+1} is.
    dimensions: numbers in a sample. discretised: the bound is on probabilities of 8-bit pictures, not on a density.
    """

    matching: Split
    consistency: Split
    difference: Estimate
    as_written: Floats
    samples: int
    draws: int
    dimensions: int
    discretised: bool


@dataclass(frozen=True, eq=False)
class LogLikelihood:
    """log p of each sample by the probability-flow ODE.

    log_density: float64 (n,), of x_0 + σ ε at x_0, σ being the smallest noise level s/a (at t[0]).
    standard_error: (n,), of the divergence's random probes; 0 where it is exact, NaN for a single probe.
    t: (k,), ascending, from the smallest noise level to the last time. path: (k, n), log p(x_t) along the ODE.
    """

    log_density: Floats
    standard_error: Floats
    t: Floats
    path: Floats
    network_calls: int


def bits_per_dimension(nats: float, dimensions: int) -> float:
    """−nats / (d log 2): the cost of one number of a sample in bits."""
    return -nats / (dimensions * math.log(2))


def estimate(values: Floats) -> Estimate:
    """Mean and standard error of values (draws, n), or (n,) for a single draw. Draws of one sample are not independent
    draws of the data, so the samples' means are what is compared; of a single sample the error is that of the noise."""
    values = np.atleast_2d(values)
    means = values.mean(0) if values.shape[1] > 1 else values[:, 0]
    error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else math.nan
    return Estimate(float(values.mean()), error)


def variance(values: Floats) -> float:
    """The variance of one value among all of them, NaN for a single one."""
    return float(values.var(ddof=1)) if values.size > 1 else math.nan
