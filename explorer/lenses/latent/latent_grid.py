"""What lies where in the space of z_t: a lattice of its map, decoded."""

from __future__ import annotations

import torch

from explorer.diffusion.latent import mean_decoding
from explorer.lenses.drawable import Drawable
from explorer.lenses.latent.base import LatentLens, LatentView, sheet

SIDE = 15


def draw(view: LatentView) -> Drawable:
    plane = view.plane(view.level)
    ends = torch.linspace(-plane.reach, plane.reach, SIDE + 1, device=view.z.device)
    middles = (ends[1:] + ends[:-1]) / 2
    v, u = torch.meshgrid(middles.flip(0), middles, indexing="ij")  # row 0 is the top
    places = torch.stack([u.reshape(-1), v.reshape(-1)], dim=1)
    # The other numbers stay as they are in the sample on show.
    z = view.z[:1] + (places - plane.of(view.z[:1])) @ plane.axes
    pictures = mean_decoding(view.chain, view.level, z)
    rows = [pictures[first : first + SIDE] for first in range(0, len(pictures), SIDE)]
    return sheet(rows, f"to ± {plane.reach:.1f}")


LENS = LatentLens(
    "latent_grid", "decoded map", "x̂(z_t) on a lattice of the map; the numbers outside its plane stay", draw
)
