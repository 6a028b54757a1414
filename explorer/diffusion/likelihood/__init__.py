"""How likely a model finds data: the variational bound in two splits, and log p by the probability-flow ODE."""

from __future__ import annotations

from explorer.diffusion.likelihood.divergence import exact_divergence, hutchinson_divergence, rademacher
from explorer.diffusion.likelihood.elbo import (
    ElboSettings,
    Variance,
    collect,
    elbo,
    elbo_ends,
    elbo_terms,
    picture_decoder,
    points_decoder,
)
from explorer.diffusion.likelihood.gaussian import Decoder, DiscretisedDecoder, GaussianDecoder
from explorer.diffusion.likelihood.ode import log_likelihood
from explorer.diffusion.likelihood.results import (
    Elbo,
    Estimate,
    LogLikelihood,
    Split,
    Terms,
    bits_per_dimension,
    estimate,
)
from explorer.diffusion.likelihood.weights import weight_eps, weight_score, weight_x0

__all__ = [
    "Decoder",
    "DiscretisedDecoder",
    "Elbo",
    "ElboSettings",
    "Estimate",
    "GaussianDecoder",
    "LogLikelihood",
    "Split",
    "Terms",
    "Variance",
    "bits_per_dimension",
    "collect",
    "elbo",
    "elbo_ends",
    "elbo_terms",
    "estimate",
    "exact_divergence",
    "hutchinson_divergence",
    "log_likelihood",
    "picture_decoder",
    "points_decoder",
    "rademacher",
    "weight_eps",
    "weight_score",
    "weight_x0",
]
