"""What the uncertainty of the level spans: z_t drawn again and again from the same μ and σ, and decoded."""

from __future__ import annotations

from dataclasses import replace

import torch

from explorer.diffusion.latent import mean_decoding
from explorer.diffusion.noise import Stream
from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Image
from explorer.lenses.latent.base import LatentLens, LatentView

DRAWS = 16


def draw(view: LatentView) -> Drawable:
    mean, std = view.distribution.mean[:1], view.distribution.std[:1]
    noise = replace(view.noise, n=1, _sources={})
    eps = torch.cat([noise(view.level, Stream.DECISION, draw) for draw in range(DRAWS)])
    pictures = mean_decoding(view.chain, view.level, mean + std * eps)
    t = subscript(view.level)
    top = view.level == view.facts.T
    source = f"q(z{t}|x)" if view.upward and view.level == 1 else f"q(z{t}|z{subscript(view.level - 1)})"
    if not view.upward:
        source = "N(0, I), the prior" if top else f"p(z{t}|z{subscript(view.level + 1)})"
    return Image(numpy32(pictures), "data", view.facts.value_range, f"{DRAWS} from {source}")


LENS = LatentLens("draws", "draws of z<sub>t</sub>", "x̂(μ + σ ⊙ ε) for fresh ε: what σ leaves open", draw)
