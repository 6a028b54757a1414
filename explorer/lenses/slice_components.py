"""The score along the two directions in which the data vary most."""

from __future__ import annotations

from explorer.lenses.base import Lens, View, number
from explorer.lenses.components import components
from explorer.lenses.slice import Plane, last, stages


def plane(view: View) -> Plane | str:
    """Through x_t, along the data's first two principal components; the origin is a times their mean."""
    if view.data is None or len(view.data) < 3:
        return "This needs some of the model's data samples."
    x = view.prediction.x_t
    a = number(view.prediction.a)
    found = components(view.data)
    mean, directions = found.mean.to(x).float(), found.directions.to(x).float()
    marks = [("mean", a * mean)]
    if view.x_0 is not None:
        marks.append(("a x₀", a * view.x_0[0].flatten().float()))
    return Plane(directions[0], directions[1], a * mean, tuple(marks), ("first component", "second component"))


LENS = Lens(
    "slice_components",
    "score along components",
    "∇ log p(x_t) on the plane of the data's principal components",
    lambda view: last(stages(view, plane)),
    ("image", "latent"),
    lambda view: stages(view, plane),
)
