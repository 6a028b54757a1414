"""What is still open below z_t: it is kept, and everything below is drawn again and again."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explorer.diffusion.latent import LevelNoise
from explorer.diffusion.noise import Stream
from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Image
from explorer.lenses.latent.base import LatentLens, LatentView

REDRAWS = 16


def redrawn(view: LatentView, t: int, z: Tensor, n: int) -> Tensor:
    """n pictures below z_t (1, d): z_{t−1} … z₁ drawn anew for each, then the mean of p(x|z₁). (n, *shape)."""
    noise, below = replace(view.noise, n=1, _sources={}), z.expand(n, -1)
    for s in range(t - 1, 0, -1):
        eps = torch.cat([noise(s, Stream.SAMPLER, draw) for draw in range(1, n + 1)])
        below = view.chain.decode(s + 1, below).at(eps)
    return view.chain.likelihood(below).mean


def pixels(view: LatentView, z: Tensor, n: int) -> Tensor:
    """n draws of the pixels of p(x | z₁) for one z₁ (1, d), (n, *shape)."""
    mean = view.chain.likelihood(z).mean
    noise = LevelNoise(view.noise.seed, 1, (mean[0].numel(),), view.noise.device)
    uniform = torch.cat([torch.special.ndtr(noise(1, Stream.DATA, draw)) for draw in range(n)])
    return (uniform.view(n, *mean.shape[1:]) < mean).to(mean.dtype)


def draw(view: LatentView) -> Drawable:
    z, t = view.z[:1], view.level
    if t == 1:
        return Image(numpy32(pixels(view, z, REDRAWS)), "data", view.facts.value_range, "pixels drawn from p(x|z₁)")
    below = "z₁" if t == 2 else f"z{subscript(t - 1)} … z₁"
    note = f"z{subscript(t)} kept, {below} redrawn"
    return Image(numpy32(redrawn(view, t, z, REDRAWS)), "data", view.facts.value_range, note)


LENS = LatentLens(
    "redraws", "below z<sub>t</sub>", "z_{t−1}, …, z₁ ~ p(· | z_t), again and again from the same z_t", draw
)
