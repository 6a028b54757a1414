"""Which tiles there are to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.facts import ModelFacts

IMAGE_LENSES = ("x_t", "x0", "eps", "score")
DECODED_LENSES = ("x_t_decoded", "x0_decoded")
"""Of latent models, shown from the first."""
VAE_LENSES = ("z_t", "decoded", "draws", "latent_map")
PLANE_VAE_LENSES = ("z_t", "decoded", "latent_map", "latent_grid")
HVAE_LENSES = ("z_t", "decoded", "levels", "latent_map")
LINE_LENSES = ("x_t", "score", "step_line", "over_time")
"""Of single numbers, whose densities are seen whole: from the first also those of a step and of the way there."""
CHAIN_LENSES = (*VAE_LENSES, *PLANE_VAE_LENSES, *HVAE_LENSES)
"""Of chains of latent variables, shown from the first."""


def first_lenses(chosen: Sequence[str], facts: ModelFacts) -> tuple[str, ...]:
    """The tiles to begin with: those chosen before, and of a latent model also the pictures that latents stand for; of
    a chain of latent variables its own."""
    if facts.family == "chain":
        one = PLANE_VAE_LENSES if facts.levels == (2,) else VAE_LENSES
        return one if facts.T == 1 else HVAE_LENSES
    if facts.kind == "line":
        return tuple(chosen) if {"step_line", "over_time"} & set(chosen) else LINE_LENSES
    kept = set(chosen) - set(CHAIN_LENSES) and tuple(chosen) != LINE_LENSES
    chosen = tuple(chosen) if kept else IMAGE_LENSES
    if facts.kind != "latent" or set(DECODED_LENSES) & set(chosen):
        return chosen
    return (*chosen, *DECODED_LENSES)
