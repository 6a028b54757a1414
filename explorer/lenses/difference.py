"""The difference of two drawings of the same lens, A − B."""

from __future__ import annotations

import numpy as np

from explorer.lenses.base import rms
from explorer.lenses.drawable import (
    Arrows,
    Bars,
    Chart,
    Drawable,
    Image,
    Line,
    Map,
    Missing,
    Points,
    Quantities,
    Slice,
    seen_last,
)

PLOTS = Chart | Slice | Map | Bars | Quantities


def difference(a: Drawable, b: Drawable) -> Drawable:
    """A − B, with its r.m.s. per number as the note: a signed picture, or an arrow from each point of B to that of A.

    For vectors at points, the difference of the vectors, at A's points.
    """
    if isinstance(a, Missing) or isinstance(b, Missing):
        nothing = Missing(np.zeros_like(a.data), "One of the two has nothing to show here.")
        if not (isinstance(a, Missing) and isinstance(b, Missing)) or a.last is None or b.last is None:
            return nothing
        return seen_last(nothing, difference(a.last, b.last), a.last_t)
    if isinstance(a, Chart) and isinstance(b, Chart) and (curve := _curve(a, b)) is not None:
        return curve
    if isinstance(a, PLOTS) or isinstance(b, PLOTS):
        return Missing(np.zeros_like(a.data), "This has no difference here: compare those of A and B.")
    if a.data.shape != b.data.shape:
        return Missing(a.data, "The two runs have different numbers of samples.")
    data = a.data - b.data
    note = f"r.m.s. {rms(data):.3g}"
    if isinstance(a, Image):
        low, high = a.limits
        reach = max(abs(low), abs(high)) if a.palette == "signed" else (high - low) / 2
        return Image(data, "signed", (-reach, reach), note)
    left, right, _, _ = a.extent
    groups = a.groups if isinstance(a, Points | Arrows) else np.zeros(len(data), np.uint8)
    if isinstance(a, Points) and isinstance(b, Points):
        return Arrows(data, b.data, groups, a.extent, 1.0, "from each point of B to the same point of A", note)
    origins = a.origins if not isinstance(a, Points) and len(a.origins) == len(data) else data
    scale = 0.15 * (right - left) / max(float(np.quantile(np.abs(data), 0.95)), 1e-12)
    scale = a.scale if isinstance(a, Arrows) else min(scale, 1.0)
    return Arrows(data, origins, groups, a.extent, scale, "difference of the vectors", note)


def _curve(a: Chart, b: Chart) -> Chart | None:
    """Of the first curves of two charts over the same places; None where they cannot be subtracted."""
    if any(a.log) or not a.lines or not b.lines or a.extent is None or not np.array_equal(a.lines[0].x, b.lines[0].x):
        return None
    data = a.lines[0].y - b.lines[0].y
    left, right, bottom, top = a.extent
    half = (top - bottom) / 4
    line = Line("", a.lines[0].x, data, a.lines[0].colour)
    extent, note = (left, right, -half, half), f"r.m.s. {rms(data):.3g}"
    return Chart(data, (line,), a.x_label, f"{a.y_label}, A − B", extent=extent, note=note)
