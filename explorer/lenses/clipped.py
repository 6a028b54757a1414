"""x̂₀ after it is limited: what the sampler goes on with."""

from __future__ import annotations

from explorer.diffusion.threshold import Limit
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable, Image


def in_force(view: View) -> tuple[Limit, bool]:
    """How x̂₀ is limited, or would be by the range of the data where the sampler leaves it alone; whether it is."""
    if view.limit is not None:
        return view.limit, True
    return Limit(max(abs(end) for end in view.facts.value_range)), False


def share(view: View, limit: Limit) -> float:
    """The share of numbers that are cut off."""
    x0 = view.prediction.x0
    return float((x0.abs() > limit.bound(x0)).float().mean())


def note_of(view: View, limit: Limit, applied: bool) -> str:
    """How many numbers are limited, where, and whether the sampler does it."""
    text = f"{share(view, limit):.1%} beyond ±{float(limit.bound(view.prediction.x0).mean()):.3g}"
    return text if applied else f"clip off: {text}"


def draw(view: View) -> Drawable:
    limit, applied = in_force(view)
    data = numpy32(limit(view.prediction.x0) if view.prediction.t > 0 else view.prediction.x0)
    return Image(data, "data", view.facts.value_range, note_of(view, limit, applied))


LENS = Lens(
    "clipped",
    "clip x̂<sub>0</sub>",
    "x̂₀ clipped to ± b, times r/b",
    draw,
    kinds=("image", "latent"),
    words="clipped estimate",
)
