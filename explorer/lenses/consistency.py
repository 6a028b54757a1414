"""A term of the bound's second split: x_t from either side, q(x_t | x_{t−1}) and p_θ(x_t | x_{t+1}).

Both neighbours are drawn, given the x₀ and x_t on show: two random variables in each term, where the first split has
one. That is why its estimate has the larger variance: draw the noise anew, and see both bells jump.

The term is E[log q(x_t|x_{t−1}) − log p_θ(x_t|x_{t+1})], and on show is that of one draw. Texts write the KL of the two
bells in its place, as if x_t were not known from x_{t+1} too: on average that is too large by about d nats.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.path import transition
from explorer.lenses.base import Lens, View, chosen_number
from explorer.lenses.drawable import Drawable, Line
from explorer.lenses.mean import missing
from explorer.lenses.step import P, chart, of_model

Q = "q from x_{t−1}"
NO_X_0 = "The two sides of x_t are drawn from a true x₀, which a reverse run does not have."
SEED = 7


def draw(view: View) -> Drawable:
    schedule, t = view.denoiser.schedule, view.prediction.t
    if view.x_0 is None:
        return missing(view, NO_X_0)
    if not 1 <= t <= schedule.T - 1:
        return missing(view, "x_t has a neighbour on either side at t = 1 … T − 1.")
    before, after = neighbours(view)
    ahead = replace(view, prediction=view.denoiser(after, t + 1), next_t=t)
    back = transition(schedule, t + 1, t).posterior_variance
    mean_p, variance_p = of_model(ahead, t, back)
    step = transition(schedule, t, t - 1)
    mean_q = step.forward_scale * before[0].flatten().to("cpu", torch.float64)
    index, name = chosen_number(view)
    found = [(float(mean_q[index]), step.forward_variance), (float(mean_p[index]), float(variance_p[index]))]
    x_t = float(view.prediction.x_t[0].flatten()[index])
    kl = _kl(mean_q, mean_p, step.forward_variance, variance_p)
    ratio = _log_ratio(view.prediction.x_t[0], mean_q, mean_p, step.forward_variance, variance_p)
    caption = f"dot: x_t; the bells' KL, {kl:.3g}, is about {len(mean_q)} more"
    note = f"log q/p_θ {ratio:.3g} nats".replace("-", "−")
    drawn = chart(found, (Q, P), f"{name} of x_t", caption, note)
    here = Line("x_t", np.array([x_t], np.float32), np.zeros(1, np.float32), 3, dots=True)
    return replace(drawn, lines=(*drawn.lines, here))


def neighbours(view: View) -> tuple[Tensor, Tensor]:
    """x_{t−1} ~ q(· | x_t, x_0) and x_{t+1} ~ q(· | x_t), of x_t's shape: with x_t, three places of one path."""
    assert view.x_0 is not None
    schedule, t, x_t = view.denoiser.schedule, view.prediction.t, view.prediction.x_t
    step, ahead = transition(schedule, t, t - 1), transition(schedule, t + 1, t)
    generator = torch.Generator().manual_seed(SEED)
    noise = [torch.randn(x_t.shape, generator=generator).to(x_t) for _ in range(2)]
    mean = step.mean_x_t * x_t + step.mean_x0 * view.x_0
    before = mean + math.sqrt(step.posterior_variance) * noise[0]
    return before, ahead.forward_scale * x_t + math.sqrt(ahead.forward_variance) * noise[1]


def _kl(mean_q: Tensor, mean_p: Tensor, variance_q: float, variance_p: Tensor) -> float:
    """KL of N(mean_q, variance_q I) from N(mean_p, diag variance_p), nats."""
    ratio = variance_q / variance_p
    return float(0.5 * (ratio - 1 - ratio.log() + (mean_p - mean_q).square() / variance_p).sum())


def _log_ratio(x_t: Tensor, mean_q: Tensor, mean_p: Tensor, variance_q: float, variance_p: Tensor) -> float:
    """log N(x_t; mean_q, variance_q I) − log N(x_t; mean_p, diag variance_p), nats."""
    x = x_t.flatten().to("cpu", torch.float64)
    of_p = (x - mean_p).square() / variance_p + variance_p.log()
    return float(0.5 * (of_p - (x - mean_q).square() / variance_q - math.log(variance_q)).sum())


LENS = Lens(
    "consistency",
    "x<sub>t</sub> from either side",
    "q(x_t | x_{t−1}) and p_θ(x_t | x_{t+1}), a term of split (B)",
    draw,
    of_place=True,
)
