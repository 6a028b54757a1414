"""The score between pictures: on the plane of three of them, as noised as x_t."""

from __future__ import annotations

import torch

from explorer.lenses.base import Lens, View, number
from explorer.lenses.slice import Plane, last, stages

PICTURES = 3


def plane(view: View) -> Plane | str:
    """Parallel to the plane of a x₀ of the first three data samples, through x_t."""
    if view.data is None or len(view.data) < PICTURES:
        return "This needs three of the model's data samples."
    x = view.prediction.x_t
    a = number(view.prediction.a)
    first, second, third = (a * torch.from_numpy(view.data[i]).to(x).flatten().float() for i in range(PICTURES))
    marks = tuple((f"{i}", picture) for i, picture in enumerate((first, second, third)))
    return Plane(second - first, third - first, first, marks, ("from sample 0 to 1", "towards sample 2"))


LENS = Lens(
    "slice_pictures",
    "score between samples",
    "∇ log p(x_t) on the plane of a x₀ of samples 0, 1, 2",
    lambda view: last(stages(view, plane)),
    ("image", "latent"),
    lambda view: stages(view, plane),
)
