"""Samplers, one file each. A new one is a file that defines SAMPLER, and a line here."""

from __future__ import annotations

from typing import Any

from explorer.diffusion.samplers import (
    annealed_langevin,
    ddim,
    ddpm,
    dpmpp_2m,
    euler,
    euler_maruyama,
    heun,
    langevin,
    mala,
    ode,
    predictor_corrector,
)
from explorer.diffusion.samplers.base import Sampler, Step
from explorer.diffusion.samplers.diffusers_names import PREFIX
from explorer.diffusion.samplers.from_diffusers import from_diffusers

SAMPLERS: dict[str, Sampler[Any]] = {
    sampler.name: sampler
    for sampler in (
        ddim.SAMPLER,
        ddpm.SAMPLER,
        euler.SAMPLER,
        heun.SAMPLER,
        dpmpp_2m.SAMPLER,
        ode.SAMPLER,
        euler_maruyama.SAMPLER,
        predictor_corrector.SAMPLER,
        langevin.SAMPLER,
        annealed_langevin.SAMPLER,
        mala.SAMPLER,
    )
}
"""Our own, by name, in the order of the menu."""


def find(name: str) -> Sampler[Any]:
    """One of SAMPLERS, or a scheduler of diffusers by "diffusers:CLASSNAME". Raises ValueError for any other name."""
    if name.startswith(PREFIX):
        return from_diffusers(name)
    if name not in SAMPLERS:
        known = f"{', '.join(SAMPLERS)} and {PREFIX}CLASSNAME"
        raise ValueError(f"there is no sampler called “{name[:60]}”; known are {known}")
    return SAMPLERS[name]


__all__ = ["SAMPLERS", "Sampler", "Step", "find"]
