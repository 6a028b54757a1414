"""What a run's step comes to in numbers, for the curves along the run."""

from __future__ import annotations

import math

from torch import Tensor

from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import Step
from explorer.diffusion.samplers.base import rms


def scalars(step: Step, previous: Step | None, value_range: tuple[float, float] | None) -> dict[str, float]:
    """By name, each over the whole batch:

    x_t, eps, score, x0_change: root mean squares per dimension of x_t, of ε̂ (1 for a well-trained model: E‖ε‖² = d),
    of ∇ log p(x_t), and of the change of x̂₀ since the step before. eps_cosine: of the angle between ε̂ and that of the
    step before. clipped: the share of the model's x̂₀ outside value_range. guidance: what the label changes in ε̂, where
    both were asked. drift, diffusion, snr: of a Langevin step its gradient's and its noise's sizes, and their ratio.
    """
    prediction = step.prediction
    values = {"x_t": rms(step.x), **step.extras}
    if step.t > 0:
        values["eps"] = rms(prediction.eps)
        values["score"] = rms(prediction.score)
        values |= guidance_size(prediction)
        if previous is not None and previous.t > 0:
            values["eps_cosine"] = _cosine(prediction.eps, previous.prediction.eps)
    if previous is not None:
        values["x0_change"] = rms(step.x0 - previous.x0)
    if value_range is not None and not step.x.is_meta:
        low, high = value_range
        values["clipped"] = float(((prediction.x0 < low) | (prediction.x0 > high)).float().mean())
    if values.get("diffusion", 0.0) > 0:
        values["snr"] = values["drift"] / values["diffusion"]
    return values


def _cosine(one: Tensor, other: Tensor) -> float:
    """Of the angle between them, the mean over samples."""
    if one.is_meta:
        return math.nan
    a, b = one.flatten(1), other.flatten(1)
    lengths = (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-30)
    return float(((a * b).sum(dim=1) / lengths).mean())


def guidance_size(prediction: Prediction) -> dict[str, float]:
    """{"guidance": the root-mean-square size of ε̂(x_t, y) − ε̂(x_t)}; {} where not both were asked."""
    return {} if prediction.parts is None else {"guidance": rms(prediction.parts.difference)}
