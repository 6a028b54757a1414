"""Where a run has come along: in the plane as it was, for pictures in the two directions it moved most in.

The principal components are those of the first sample's x_t over the steps held, so the path fills the picture
whatever the number of pixels is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Chart, Drawable, Floats, Line, Missing

MAX_STEPS = 100
"""More corners than a small picture shows."""
LINES = 60
"""Points of the plane that are followed."""


def principal_path(x: Tensor) -> tuple[Floats, Floats]:
    """The path in its first two principal components, (steps, 2), and the shares of the variance they hold, (2,).

    x: (steps, d).
    """
    centred = (x - x.mean(dim=0)).float()
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    shares = s.square() / s.square().sum().clamp(min=1e-30)
    places = torch.zeros(len(x), 2, device=x.device)
    kept = min(2, len(s))
    places[:, :kept] = (u * s)[:, :kept]
    both = torch.zeros(2)
    both[:kept] = shares[:kept].cpu()
    return numpy32(places), numpy32(both)


def draw(view: View) -> Drawable:
    x_t = view.prediction.x_t
    held = [] if view.recorded is None or x_t.is_meta else view.recorded()
    if len(held) < 2:
        return Missing(numpy32(x_t), "The path of a run: play one.")
    chosen = sorted({round(i) for i in np.linspace(0, len(held) - 1, min(len(held), MAX_STEPS))})
    steps = [held[i] for i in chosen]
    now = min(range(len(steps)), key=lambda i: abs(steps[i][0] - view.step))
    if view.facts.kind == "points":
        paths = numpy32(torch.stack([x[:LINES] for _, x in steps], dim=1))
        lines = tuple(Line("", path[:, 0], path[:, 1], i % 6, dim=True) for i, path in enumerate(paths))
        ends = paths[:, now]
        lines = (*lines, Line("", ends[:, 0], ends[:, 1], 0, dots=True))
        return Chart(paths, lines, "x₁", "x₂", equal=True, note=f"{len(paths)} of {len(x_t):,} points")
    places, shares = principal_path(torch.stack([x[0].flatten() for _, x in steps]))
    before, after = places[: now + 1], places[now:]
    lines = (Line("ahead", after[:, 0], after[:, 1], 0, dim=True), Line("so far", before[:, 0], before[:, 1], 0))
    labels = [f"PC {i + 1} ({share:.0%})" for i, share in enumerate(shares)]
    mark = (float(places[now, 0]), float(places[now, 1]))
    return Chart(places, lines, labels[0], labels[1], mark=mark, equal=True)


LENS = Lens("path", "path", "x_t over the steps of the run", draw, ("image", "points", "latent"))
