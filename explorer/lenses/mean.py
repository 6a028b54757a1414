"""μ_θ: the mean of the model's own Gaussian step p(x_r | x_t) = q(x_r | x_t, x̂₀)."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.diffusion.path import transition
from explorer.lenses import line
from explorer.lenses.base import Lens, View, groups, numpy32, points_caption
from explorer.lenses.drawable import Drawable, Floats, Image, Missing, Points
from explorer.lenses.plane import extent

NO_X_0 = "The true posterior needs the true x₀, which a reverse run does not have."


def posterior_mean(view: View, x_0: Tensor) -> Tensor:
    """c_x x_t + c_0 x_0, the mean of q(x_r | x_t, x_0), of x_t's shape. The view must have a next time r."""
    assert view.next_t is not None
    q = transition(view.denoiser.schedule, view.prediction.t, view.next_t)
    return q.mean_x_t * view.prediction.x_t + q.mean_x0 * x_0


def no_step(view: View) -> str:
    """Why there is no next time: Langevin dynamics at one level, for one, stays where it is."""
    at_data = view.prediction.t == 0
    return "At t = 0 there is no step left to make." if at_data else "From here the run makes no step to another t."


def missing(view: View, why: str) -> Missing:
    """In place of a picture."""
    return Missing(numpy32(view.prediction.x_t) * float("nan"), why)


def data_like(view: View, data: Floats, note: str) -> Drawable:
    """Numbers of the kind of x_t: a picture, or points."""
    if view.facts.kind == "points":
        return Points(data, groups(view), extent(view), points_caption(view), note)
    if view.facts.kind == "line":
        return line.histogram(view, torch.from_numpy(data), "", note)
    return Image(data, "data", view.facts.value_range, note)


def draw(view: View) -> Drawable:
    if view.next_t is None:
        return missing(view, no_step(view))
    return data_like(view, numpy32(posterior_mean(view, view.limited_x0)), f"at t = {view.next_t:g}")


LENS = Lens(
    "mean", "μ<sub>θ</sub>", "μ_θ = c_x x_t + c₀ x̂₀, the mean of p(x_{t−1} | x_t)", draw, words="mean of the next step"
)
