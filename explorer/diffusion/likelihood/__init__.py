"""How likely a model finds data: the variational bound in two splits, and log p by the probability-flow ODE."""

from __future__ import annotations

from explorer.diffusion.likelihood.batches import coarse_to_fine, joined
from explorer.diffusion.likelihood.divergence import exact_divergence, hutchinson_divergence, rademacher
from explorer.diffusion.likelihood.elbo import (
    ElboSettings,
    Ends,
    Sampled,
    Variance,
    collect,
    curves,
    elbo,
    elbo_ends,
    elbo_terms,
    picture_decoder,
    points_decoder,
)
from explorer.diffusion.likelihood.gaussian import Decoder, DiscretisedDecoder, GaussianDecoder
from explorer.diffusion.likelihood.ode import legs, log_likelihood, log_likelihood_steps
from explorer.diffusion.likelihood.results import (
    Elbo,
    Estimate,
    LogLikelihood,
    Split,
    Terms,
    bits_per_dimension,
    estimate,
)
from explorer.diffusion.likelihood.strata import Stratum, strata
from explorer.diffusion.likelihood.weights import weight_eps, weight_score, weight_x0

__all__ = [
    "Decoder",
    "DiscretisedDecoder",
    "Elbo",
    "ElboSettings",
    "Ends",
    "Estimate",
    "GaussianDecoder",
    "LogLikelihood",
    "Sampled",
    "Split",
    "Stratum",
    "Terms",
    "Variance",
    "bits_per_dimension",
    "coarse_to_fine",
    "collect",
    "curves",
    "elbo",
    "elbo_ends",
    "elbo_terms",
    "estimate",
    "exact_divergence",
    "hutchinson_divergence",
    "joined",
    "legs",
    "log_likelihood",
    "log_likelihood_steps",
    "picture_decoder",
    "points_decoder",
    "rademacher",
    "strata",
    "weight_eps",
    "weight_score",
    "weight_x0",
]
