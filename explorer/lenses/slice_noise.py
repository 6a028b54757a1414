"""The score along ε̂ and across it: x_t, and x̂₀ as the picture it points to."""

from __future__ import annotations

import torch

from explorer.lenses.base import Lens, View, number
from explorer.lenses.slice import Plane, last, stages

SEED = 0


def plane(view: View) -> Plane:
    """Through x_t, a x̂₀ and a direction drawn at random, the same for every x_t."""
    prediction = view.prediction
    x, eps = prediction.x_t[0].flatten().float(), prediction.eps[0].flatten().float()
    across = torch.randn(len(x), generator=torch.Generator().manual_seed(SEED)).to(x)
    clean = x - number(prediction.s) * eps
    return Plane(eps, across, clean, (("a x̂₀", clean),), ("along ε̂", "a random direction"))


LENS = Lens(
    "slice_noise",
    "score along ε̂",
    "∇ log p(x_t) on the plane of ε̂ and a random direction",
    lambda view: last(stages(view, plane)),
    ("image", "latent"),
    lambda view: stages(view, plane),
)
