"""Every lens of a latent chain, in the order of its menu."""

from __future__ import annotations

from explorer.lenses.latent import (
    decoded,
    draws,
    interpolation,
    kl,
    latent_grid,
    latent_map,
    levels,
    posterior,
    redraws,
    terms,
    z_t,
)
from explorer.lenses.latent.base import LatentLens

_MODULES = (z_t, decoded, draws, redraws, levels, latent_map, latent_grid, posterior, interpolation, terms, kl)
LATENT_LENSES: dict[str, LatentLens] = {module.LENS.name: module.LENS for module in _MODULES}
