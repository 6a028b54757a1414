"""What the lenses show of single numbers: over x_t the model's answer is one curve, and so is the exact one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.prediction import Prediction
from explorer.lenses.base import View, number, numpy32
from explorer.lenses.drawable import Chart, Floats, Line
from explorer.lenses.plane import extent

PLACES = 281
BINS = 70
MOST_DOTS = 300
ROOM = 1.3
"""Above the highest of a density."""
MODEL, EXACT = "model", "exact"


def places(view: View) -> Tensor:
    """Numbers x_t from one end of what is shown to the other, (PLACES, 1)."""
    left, right, _, _ = extent(view)
    like = view.prediction.x_t
    return torch.linspace(left, right, PLACES, device=like.device, dtype=like.dtype).unsqueeze(1)


def log_density(view: View, truth: GaussianMixture) -> Floats:
    """The exact log p(x_t) at `places`, in nats, (PLACES,)."""
    return numpy32(truth.log_density(places(view), number(view.prediction.a), number(view.prediction.s)))


def histogram(view: View, values: Tensor, name: str, note: str = "", exact: bool = False) -> Chart:
    """How numbers (n, 1) are distributed; with `exact` beside the density of x_t. The axes are the same at every t."""
    left, right, _, _ = extent(view)
    data = numpy32(values)
    lines = [outline(data, right)]
    if exact and view.truth is not None:
        density = np.exp(log_density(view, view.truth))
        lines.append(Line("exact p(x_t)", numpy32(places(view))[:, 0], density, 1, dash=True))
    return Chart(data, tuple(lines), name, "density", extent=(left, right, 0.0, _tallest(view)), note=note)


def outline(x: Floats, half_width: float) -> Line:
    """The histogram of numbers (n, 1) from −half_width to half_width, as a density."""
    edges = np.linspace(-half_width, half_width, BINS + 1)
    heights = np.histogram(x, edges)[0] / (max(len(x), 1) * (edges[1] - edges[0]))
    return Line(f"{len(x):,} samples", *stairs(edges, heights), 0)


def curve(
    view: View,
    of: Callable[[Denoiser, Prediction], Tensor],
    y_label: str,
    half_height: float,
    dots: Tensor | None = None,
    dots_name: str = "",
    caption: str = "",
    note: str = "",
) -> Chart:
    """A function of x_t as the model has it, and as it should be where that is known.

    of: what is drawn, (n, 1), of a prediction and of the denoiser that made it. dots: (n, 1), one for every x_t of the
    view, of which some are drawn. On show are the values at the view's x_t.
    """
    x, t = places(view), view.prediction.t
    x_axis = numpy32(x)[:, 0]
    lines, dotted = [], []
    if dots is not None:
        some = slice(None, None, max(1, -(-len(dots) // MOST_DOTS)))
        at, values = numpy32(view.prediction.x_t)[some, 0], numpy32(dots)[some, 0]
        seen = (np.abs(values) <= half_height) & (np.abs(at) <= x_axis[-1])
        dotted.append(Line(dots_name, at[seen], values[seen], 3, dim=True, dots=True))
    for name, denoiser, dash in ((MODEL, view.denoiser, False), (EXACT, view.exact, True)):
        if denoiser is not None and not (dash and view.facts.density_known):  # an exact model says it itself
            y = numpy32(of(denoiser, denoiser(x, t)))[:, 0]
            lines.append(Line(name, x_axis, y, int(dash), dash=dash))
    reach = (float(x_axis[0]), float(x_axis[-1]), -half_height, half_height)
    data = numpy32(of(view.denoiser, view.prediction))
    return Chart(data, (*lines, *dotted), "x_t", y_label, extent=reach, caption=caption, note=note)


def stairs(edges: NDArray[np.float64], heights: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """The outline of a histogram."""
    x = np.repeat(edges, 2).astype(np.float32)
    y = np.concatenate([[0], np.repeat(heights, 2), [0]]).astype(np.float32)
    return x, y


def _tallest(view: View) -> float:
    """Of the axis of densities: room for that of x₀, which is the steepest, and for N(0, 1)."""
    if view.truth is None:
        return 1.0
    like = view.prediction.x_t
    peaks = view.truth.log_density(view.truth.means.to(like)).exp()
    return ROOM * max(float(peaks.max()), 0.4)
