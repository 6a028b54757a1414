"""ε̂: the model's guess of the noise in x_t."""

from __future__ import annotations

from explorer.diffusion.prediction import Prediction
from explorer.lenses import line
from explorer.lenses.base import Lens, View, groups, number, numpy32, signed_note
from explorer.lenses.drawable import Arrows, Drawable, Image, Missing
from explorer.lenses.plane import extent

LIMIT = 3.0
"""ε has unit variance: three standard deviations fill the colour scale, at every t."""
NO_NOISE = "At t = 0 there is no noise to predict."


def draw(view: View) -> Drawable:
    return noise(view, view.prediction)


def noise(view: View, prediction: Prediction) -> Drawable:
    """The ε̂ of a prediction at the view's x_t."""
    data = numpy32(prediction.eps)
    if prediction.t == 0 and (view.facts.kind == "points" or not data.any()):  # points: arrows of length s = 0
        return Missing(data, NO_NOISE)
    note = "none at t = 0" if prediction.t == 0 else ""
    if view.facts.kind == "points":
        # An arrow back along the noise, to scale: x_t − s ε̂ = a x̂₀.
        scale = -number(prediction.s)
        return Arrows(
            data,
            numpy32(prediction.x_t),
            groups(view),
            extent(view),
            scale,
            "from x_t back along the noise, to a x̂₀",
        )
    if view.facts.kind == "line":
        caption = "dots: the true ε, whose mean at each x_t is ε̂" if view.eps is not None else ""
        return line.curve(view, lambda _, p: p.eps, "ε̂", LIMIT, view.eps, "ε", caption, note)
    return Image(data, "signed", (-LIMIT, LIMIT), note or signed_note(view))


LENS = Lens("eps", "ε̂", "ε̂ = E[ε | x_t] = (x_t − a x̂₀) / s", draw, words="predicted noise")
