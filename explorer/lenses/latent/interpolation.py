"""From the sample on show to another: a row for each level, in which its z_t goes in equal steps."""

from __future__ import annotations

import numpy as np
import torch

from explorer.diffusion.latent import mean_decoding
from explorer.facts import subscript
from explorer.lenses.drawable import Drawable, Missing
from explorer.lenses.latent.base import LatentLens, LatentView, sheet

STEPS = 9


def draw(view: LatentView) -> Drawable:
    if view.partner is None:
        return Missing(np.zeros((1, 1, 1, 1), np.float32), "This model comes without sample pictures to go to.")
    weights = torch.linspace(0, 1, STEPS, device=view.z.device).unsqueeze(1)
    other, rows, named = view.partner, [], []
    for t in range(1, view.facts.T + 1):
        other = view.chain.encode(t, other).mean
        if t in view.rungs:
            z = torch.lerp(view.rungs[t][:1].expand(STEPS, -1), other.expand(STEPS, -1), weights)
            rows.append(mean_decoding(view.chain, t, z))
            named.append(f"z{subscript(t)}")
    pixels = torch.lerp(view.decoding[:1].expand(STEPS, -1, -1, -1), rows[0][-1:], weights[..., None, None])
    return sheet([*reversed(rows), pixels], f"to sample {view.partner_number}; rows: {', '.join(reversed(named))}, x")


LENS = LatentLens(
    "interpolation",
    "interpolation",
    "x̂((1 − w) z_t + w z′_t), z′ of another sample; the last row mixes the pictures themselves",
    draw,
)
