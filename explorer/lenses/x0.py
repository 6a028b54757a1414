"""x̂₀: the model's best guess of the clean data, before any clipping."""

from __future__ import annotations

from explorer.lenses import line
from explorer.lenses.base import Lens, View, colours_note, groups, numpy32, points_caption
from explorer.lenses.drawable import Drawable, Image, Points
from explorer.lenses.plane import DEFAULT_HALF_WIDTH, extent


def draw(view: View) -> Drawable:
    data = numpy32(view.prediction.x0)
    if view.facts.kind == "points":
        return Points(data, groups(view), extent(view), points_caption(view))
    if view.facts.kind == "line":
        dots, caption = view.x_0, "dots: the true x₀, whose mean at each x_t is x̂₀" if view.x_0 is not None else ""
        return line.curve(view, lambda _, p: p.x0, "x̂₀", DEFAULT_HALF_WIDTH, dots, "x₀", caption)
    low, high = view.facts.value_range
    if view.facts.kind == "latent":
        return Image(data, "data", (low, high), colours_note(view))
    outside = float(((data < low) | (data > high)).mean())
    # The picture cannot show them: a large share is normal where a model overshoots a black ground a little.
    limits = f"±{high:g}" if low == -high else f"{low:g} … {high:g}"
    furthest = float(data.max() if data.max() - high > low - data.min() else data.min())
    note = f"{outside:.0%} beyond {limits}, to {furthest:.3g}".replace("-", "−") if outside >= 0.005 else ""
    return Image(data, "data", (low, high), note)


LENS = Lens("x0", "x̂<sub>0</sub>", "x̂₀ = E[x₀ | x_t] = (x_t − s ε̂) / a", draw, words="denoised")
