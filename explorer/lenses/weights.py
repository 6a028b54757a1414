"""What a step's KL puts before the squared error of each prediction, over t: the bound's weights, and L_simple's.

    KL(q(x_{t−1}|x_t, x₀) ‖ p_θ(x_{t−1}|x_t)) = w_x ‖x₀ − x̂₀‖² = w_ε ‖ε − ε̂‖² = w_s ‖∇ log q(x_t|x₀) − ŝ‖²

L_simple puts 1 before ‖ε − ε̂‖² at every t. The bound would have that error count for more where w_ε is larger.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.diffusion.likelihood import weight_eps, weight_score, weight_x0
from explorer.diffusion.schedules import Schedule
from explorer.lenses.base import Lens, View
from explorer.lenses.drawable import Chart, Drawable, Floats, Line

PLACES = 200
"""Times that the curves go through, at most."""
FIRST = 2
"""t = 1 is the reconstruction term."""
NAMES = ("w_x", "w_ε", "w_s")
OF = (weight_x0, weight_eps, weight_score)


def draw(view: View) -> Drawable:
    schedule, t = view.denoiser.schedule, round(view.prediction.t)
    times, weights = _over_time(schedule)
    lines = [Line(name, times, values, i) for i, (name, values) in enumerate(zip(NAMES, weights, strict=True))]
    lines.append(Line("L_simple", times[[0, -1]], np.ones(2, np.float32), 3, dash=True))
    if not FIRST <= t <= schedule.T:
        data = np.stack([times, *weights])
        caption = "t = 1 has no weight: it is the reconstruction term" if t == 1 else ""
        return Chart(data, tuple(lines), "t", "factor", (False, True), caption=caption)
    here = [weight(schedule, t) for weight in OF]
    lines += [Line("", np.array([t], np.float32), np.array([w], np.float32), i, dots=True) for i, w in enumerate(here)]
    return Chart(
        np.stack([times, *weights]),
        tuple(lines),
        "t",
        "factor",
        (False, True),
        caption=_in_three_ways(view, here),
        note=f"w_ε {here[1]:.3g}",
    )


def _in_three_ways(view: View, here: list[float]) -> str:
    """The KL of the first sample from each of the three errors."""
    if view.x_0 is None or view.eps is None or view.prediction.a == 0:
        return "a run has no x₀ to take the errors from"
    said, s = view.prediction, float(view.prediction.s)
    apart = (view.x_0 - said.x0, view.eps - said.eps, -view.eps / s - said.score)
    each = [w * float(error[0].double().square().sum()) for w, error in zip(here, apart, strict=True)]
    return "each w ‖error‖² is " + " = ".join(dict.fromkeys(f"{value:.3g}" for value in each)) + " nats"


@lru_cache(maxsize=8)
def _over_time(schedule: Schedule) -> tuple[Floats, tuple[Floats, ...]]:
    times = np.unique(np.linspace(FIRST, schedule.T, min(PLACES, schedule.T - 1)).round())
    weights = tuple(np.array([weight(schedule, int(t)) for t in times], np.float32) for weight in OF)
    return times.astype(np.float32), weights


LENS = Lens("weights", "loss weights", "KL = w_x ‖x₀ − x̂₀‖² = w_ε ‖ε − ε̂‖² = w_s ‖s − ŝ‖²;  L_simple: w_ε = 1", draw)
