"""Chains of latent variables: a VAE is a chain of one level, a Markovian HVAE of several."""

from __future__ import annotations

from explorer.diffusion.latent.bound import LatentTerms, importance_weighted, latent_terms
from explorer.diffusion.latent.chain import LatentChain, LevelNoise, Rung, climb, descend, mean_decoding
from explorer.diffusion.latent.gaussian import BernoulliPicture, Diagonal, GaussianData, Likelihood

__all__ = [
    "BernoulliPicture",
    "Diagonal",
    "GaussianData",
    "LatentChain",
    "LatentTerms",
    "LevelNoise",
    "Likelihood",
    "Rung",
    "climb",
    "descend",
    "importance_weighted",
    "latent_terms",
    "mean_decoding",
]
