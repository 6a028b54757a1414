"""Estimates as the values of a Frame."""

from __future__ import annotations

from explorer.diffusion.likelihood import Estimate, estimate
from explorer.diffusion.likelihood.results import Floats
from explorer.engine.likelihood_frame import Value


def value(found: Estimate) -> Value:
    """Its mean with the standard error of it."""
    return Value(found.mean, found.standard_error)


def value_of(values: Floats) -> Value:
    """The mean of values (draws, n) or (n,) with its standard error, as `estimate` has it."""
    return value(estimate(values))
