"""Samplers, one file each. A new one is a file that defines SAMPLER, and a line here."""

from __future__ import annotations

from typing import Any

from explorer.diffusion.samplers import annealed_langevin, ddim, ddpm, langevin
from explorer.diffusion.samplers.base import Sampler, Step

SAMPLERS: dict[str, Sampler[Any]] = {
    sampler.name: sampler for sampler in (ddim.SAMPLER, ddpm.SAMPLER, langevin.SAMPLER, annealed_langevin.SAMPLER)
}

__all__ = ["SAMPLERS", "Sampler", "Step"]
