"""The space of z_t: the encodings of the data, each as its label, and where the sample on show lies."""

from __future__ import annotations

import numpy as np

from explorer.facts import subscript
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Drawable, Points
from explorer.lenses.latent.base import LatentLens, LatentView


def draw(view: LatentView) -> Drawable:
    plane = view.plane(view.level)
    labelled = len(view.labels) == len(plane.places)
    groups = np.array(view.labels if labelled else [0] * len(plane.places), np.uint8)
    u, v = (float(value) for value in numpy32(plane.of(view.z[:1]))[0])
    reach, t = plane.reach, subscript(view.level)
    size = view.chain.sizes[view.level - 1]
    if size <= 2:
        caption = f"{len(plane.places)} pictures; click or drag to move z{t}"
    else:
        caption = f"2 directions of {size}, {plane.share:.0%} of the variance; click or drag to move z{t}"
    names = view.class_names if labelled else ()
    return Points(plane.places, groups, (-reach, reach, -reach, reach), caption, names=names, mark=(u, v))


LENS = LatentLens("latent_map", "map of z<sub>t</sub>", "μ_φ(x) of samples, by label; ring: z_t", draw)
