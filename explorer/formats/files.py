"""The formats whose models are single files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.formats import (
    ddim,
    dit,
    edm,
    edm2,
    k_diffusion,
    ldm,
    lucidrains,
    ncsn,
    openai,
    score_sde,
    score_sde_ddpm,
    stable_diffusion,
    tiny,
    unet_weights,
)

if TYPE_CHECKING:
    from explorer.formats.single_file import SingleFile

FILE_FORMATS: tuple[SingleFile[Any], ...] = (
    lucidrains.FORMAT,
    openai.FORMAT,
    edm.FORMAT,
    edm2.FORMAT,
    ddim.FORMAT,
    score_sde.FORMAT,
    score_sde_ddpm.FORMAT,
    tiny.FORMAT,
    unet_weights.FORMAT,
    dit.FORMAT,
    ldm.FORMAT,
    stable_diffusion.FORMAT,
    ncsn.FORMAT,
    k_diffusion.FORMAT,
)
