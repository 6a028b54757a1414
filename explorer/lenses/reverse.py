"""The true step back where x₀ is not known, beside the model's, over the line or the plane.

The model's is one Gaussian, the true one a mixture: at small steps they are all but the same, and where a run goes from
t to a far r it is seen what one Gaussian cannot say.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.path import transition
from explorer.diffusion.reverse import reverse_transition
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.density import NO_TRUTH
from explorer.lenses.drawable import Chart, Drawable, Line, Map
from explorer.lenses.mean import missing, no_step
from explorer.lenses.step import LAST, P, of_model

Q = "true q"
SPAN = 5.0
"""Standard deviations on either side of a mean: what lies beyond adds nothing to a KL."""
SIDE = 161
FINE = 801
LIGHT = 1e-4
"""Components of a smaller weight than this do not widen what is shown."""
DEPTH = 10.0
"""Nats below the highest density that are shown."""
SIGMAS = (1, 2, 3)


def draw(view: View) -> Drawable:
    if view.truth is None:
        return missing(view, NO_TRUTH)
    if view.next_t is None or view.prediction.t == 0:
        return missing(view, no_step(view))
    t, r, schedule = view.prediction.t, view.next_t, view.denoiser.schedule
    q = reverse_transition(view.truth, schedule, view.prediction.x_t[0], t, r)
    variance = transition(schedule, t, r).posterior_variance
    if variance == 0:
        return missing(view, LAST)
    mean, variances = of_model(view, r, variance)
    p = GaussianMixture(torch.ones(1, dtype=torch.float64), mean.unsqueeze(0), torch.diag(variances).unsqueeze(0))
    caption = f"from t = {t:g} to {r:g}, σ of p_θ {math.sqrt(float(variances.mean())):.2g}"
    if view.parts is not None:
        caption += "; q without the label"
    return (
        _over_a_line(q, p, f"x at t = {r:g}", caption) if view.facts.kind == "line" else _over_the_plane(q, p, caption)
    )


def _over_a_line(q: GaussianMixture, p: GaussianMixture, x_label: str, caption: str) -> Chart:
    low, high = _window(q, p)
    x = torch.linspace(float(low), float(high), FINE, dtype=torch.float64)
    log_q, log_p = (of.log_density(x.unsqueeze(1)) for of in (q, p))
    kl = float(torch.trapezoid(log_q.exp() * (log_q - log_p), x))
    data = numpy32(torch.stack([x, log_q.exp(), log_p.exp()]))
    lines = (Line(Q, data[0], data[1], 0), Line(P, data[0], data[2], 1, dash=True))
    return Chart(data, lines, x_label, "density", caption=caption, note=_kl_text(kl))


def _over_the_plane(q: GaussianMixture, p: GaussianMixture, caption: str) -> Map:
    low, high = _window(q, p)
    half = float((high - low).max()) / 2
    (left, bottom), cell = ((high + low) / 2 - half).tolist(), 2 * half / SIDE
    steps = (torch.arange(SIDE, dtype=torch.float64) + 0.5) * cell
    x, y = left + steps, bottom + steps
    log_q, log_p = (of.log_density_over(x, y) for of in (q, p))
    kl = float((log_q.exp() * (log_q - log_p)).sum()) * cell * cell
    top, peak = float(log_q.max()), float(p.log_density(p.means)[0])
    return Map(
        numpy32(log_q),
        (left, left + 2 * half, bottom, bottom + 2 * half),
        (top - DEPTH, top),
        "density",
        bands=20,
        outline=numpy32(log_p),
        levels=tuple(peak - k * k / 2 for k in SIGMAS),
        caption=f"shades: {Q}; lines: {P} at 1–3 σ; {caption}",
        note=_kl_text(kl),
    )


def _window(q: GaussianMixture, p: GaussianMixture) -> tuple[Tensor, Tensor]:
    """Corners (d,) of what holds all but nothing of both."""
    of = q.weights > LIGHT
    means = torch.cat([q.means[of], p.means])
    reach = SPAN * torch.cat([q.covariances[of], p.covariances]).diagonal(dim1=1, dim2=2).sqrt()
    return (means - reach).amin(0), (means + reach).amax(0)


def _kl_text(kl: float) -> str:
    """KL(q ‖ p_θ), which no rounding makes negative."""
    return f"KL {max(kl, 0.0):.3g} nats"


LENS = Lens(
    "reverse",
    "step, x₀ unknown",
    "q(x_{t−1} | x_t) = q(x_t | x_{t−1}) p(x_{t−1}) / p(x_t), exact, and p_θ(x_{t−1} | x_t)",
    draw,
    ("line", "points"),
)
