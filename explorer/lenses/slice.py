"""The score of a picture model, seen on a plane through the space of pictures.

The space has hundreds of dimensions; a plane through x_t shows two of them. A place (u, v) on it stands for the picture
x_t + (u − u₀) √d e₁ + (v − v₀) √d e₂ with orthonormal e₁, e₂, so one unit is a change of 1 per pixel, root mean square,
and (u₀, v₀) is x_t itself. Arrows are the score's parts in the plane, colour is the divergence of these parts: blue
where they flow together, on the way to likely pictures. The network is asked once for every place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.lenses.base import View, numpy32
from explorer.lenses.drawable import Drawable, Floats, Missing, Slice

SIDE = 11
"""Places along each axis: enough for arrows, and a second's work for a small network."""
AT_ONCE = 11
MARGIN = 0.25


@dataclass(frozen=True)
class Plane:
    """first, second: (d,), not parallel. origin: (d,), where u = v = 0. marks: named pictures (d,)."""

    first: Tensor
    second: Tensor
    origin: Tensor
    marks: tuple[tuple[str, Tensor], ...]
    labels: tuple[str, str]


def stages(view: View, choose: Callable[[View], Plane | str]) -> Iterator[Drawable]:
    """The slice, row by row. choose: the plane, or why there is none."""
    x_t = view.prediction.x_t
    if x_t.is_meta:
        yield Missing(numpy32(x_t), "No numbers on this device.")
        return
    if view.prediction.t == 0:
        yield Missing(numpy32(x_t), "At t = 0 there is no noise, so the network says nothing about the score.")
        return
    plane = choose(view)
    if isinstance(plane, str):
        yield Missing(numpy32(x_t), plane)
        return
    x = x_t[0].flatten().float()
    scale = math.sqrt(len(x))
    e1, e2 = orthonormal(plane.first, plane.second)

    def place(picture: Tensor) -> tuple[float, float]:
        offset = (picture - plane.origin) / scale
        return float(offset @ e1), float(offset @ e2)

    here = place(x)
    marks = (("x_t", *here), *((name, *place(picture)) for name, picture in plane.marks))
    u, v = ranges([mark[1] for mark in marks], [mark[2] for mark in marks])
    vectors = np.full((SIDE, SIDE, 2), np.nan, np.float32)
    for row in range(SIDE):
        steps_u = torch.from_numpy(u).to(x) - here[0]
        places = x + scale * (steps_u[:, None] * e1 + (float(v[row]) - here[1]) * e2)
        for begin in range(0, SIDE, AT_ONCE):
            batch = places[begin : begin + AT_ONCE].reshape(-1, *x_t.shape[1:])
            score = view.denoiser(batch, view.prediction.t).score.flatten(1)
            # In units of the plane: a step of 1 there is √d e.
            vectors[row, begin : begin + AT_ONCE] = numpy32(torch.stack([score @ e1, score @ e2], dim=1) / scale)
        yield Slice(vectors.copy(), u, v, divergence(vectors, u, v), marks, plane.labels)


def orthonormal(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors at right angles that span the same plane, (d,) each."""
    e1 = first / first.norm().clamp(min=1e-30)
    rest = second - (second @ e1) * e1
    return e1, rest / rest.norm().clamp(min=1e-30)


def divergence(vectors: Floats, u: Floats, v: Floats) -> Floats:
    """∂f₁/∂u + ∂f₂/∂v by central differences. vectors: (rows, columns, 2). NaN where a neighbour is unknown."""
    across, up = np.gradient(vectors[..., 0], u, axis=1), np.gradient(vectors[..., 1], v, axis=0)
    return np.asarray(across + up, np.float32)


def last(drawables: Iterator[Drawable]) -> Drawable:
    """The finished one."""
    *_, finished = drawables
    return finished


def ranges(u: list[float], v: list[float]) -> tuple[Floats, Floats]:
    """Evenly spaced places around all of these, as far apart along both axes."""
    half = max(max(places) - min(places) for places in (u, v)) / 2
    half = max((1 + MARGIN) * half, 0.15)
    middles = [(max(places) + min(places)) / 2 for places in (u, v)]
    first, second = (np.linspace(m - half, m + half, SIDE, dtype=np.float32) for m in middles)
    return first, second
