"""Every form of what a network says, from every other: x̂₀, ε̂, score, v̂ and the velocity û.

Given x_t = a x_0 + s ε all of them are linear in x_t and any one of the first four:

    target = p x_t + q source

so that one pair of numbers (p, q) at a time is a whole conversion. With r² = a² + s², which is 1 where variance is
preserved, x̂₀ = (a x_t − s v̂)/r² and ε̂ = (s x_t + a v̂)/r².
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser
from explorer.diffusion.likelihood.gaussian import summed
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule
from explorer.diffusion.velocity import slopes

Source: TypeAlias = Literal["x0", "eps", "score", "v"]
Form: TypeAlias = Literal["x0", "eps", "score", "v", "u"]
SOURCES: tuple[Source, ...] = ("x0", "eps", "score", "v")
"""The forms that the others are computed from."""
FORMS: tuple[Form, ...] = ("x0", "eps", "score", "v", "u")

FORMULAS: dict[tuple[Source, Form], str] = {
    ("x0", "eps"): "(x_t − a x̂₀)/s",
    ("x0", "score"): "(a x̂₀ − x_t)/s²",
    ("x0", "v"): "(a x_t − r² x̂₀)/s",
    ("x0", "u"): "a′ x̂₀ + s′ (x_t − a x̂₀)/s",
    ("eps", "x0"): "(x_t − s ε̂)/a",
    ("eps", "score"): "−ε̂/s",
    ("eps", "v"): "(r² ε̂ − s x_t)/a",
    ("eps", "u"): "a′ (x_t − s ε̂)/a + s′ ε̂",
    ("score", "x0"): "(x_t + s² ŝ)/a",
    ("score", "eps"): "−s ŝ",
    ("score", "v"): "−s (x_t + r² ŝ)/a",
    ("score", "u"): "a′ (x_t + s² ŝ)/a − s′ s ŝ",
    ("v", "x0"): "(a x_t − s v̂)/r²",
    ("v", "eps"): "(s x_t + a v̂)/r²",
    ("v", "score"): "−(s x_t + a v̂)/(s r²)",
    ("v", "u"): "[(a′ a + s′ s) x_t + (s′ a − a′ s) v̂]/r²",
}
"""By (source, target), ŝ being the score and r² = a² + s²."""


TIMES = (1, 2, 5, 10, 20, 35, *range(50, 1000, 50), 980, 990, 995, 1000)
"""Of T = 1000, where errors are measured."""


@dataclass(frozen=True)
class Rates:
    """a, s at a time, and their slopes by u = t/T, as float64 numbers."""

    a: float
    s: float
    a_slope: float
    s_slope: float


def rates(schedule: Schedule, t: float) -> Rates:
    """Of a schedule at t."""
    return Rates(schedule.signal(t), schedule.noise(t), *slopes(schedule, t))


def coefficients(source: Source, target: Form, at: Rates) -> tuple[float, float]:
    """(p, q) with target = p x_t + q source. Raises ZeroDivisionError where the source does not tell: x̂₀ and v̂ of ε̂
    without signal (a = 0), ε̂ of x̂₀ without noise (s = 0)."""
    a, s = at.a, at.s
    r2 = a * a + s * s
    if source == target:
        return 0.0, 1.0
    if target == "u":
        (p0, q0), (p1, q1) = coefficients(source, "x0", at), coefficients(source, "eps", at)
        return at.a_slope * p0 + at.s_slope * p1, at.a_slope * q0 + at.s_slope * q1
    table: dict[tuple[Source, Form], tuple[tuple[float, float], float]] = {
        # ((factor of x_t, factor of the source), what both are divided by)
        ("x0", "eps"): ((1, -a), s),
        ("x0", "score"): ((-1, a), s * s),
        ("x0", "v"): ((a, -r2), s),
        ("eps", "x0"): ((1, -s), a),
        ("eps", "score"): ((0, -1), s),
        ("eps", "v"): ((-s, r2), a),
        ("score", "x0"): ((1, s * s), a),
        ("score", "eps"): ((0, -s), 1),
        ("score", "v"): ((-s, -s * r2), a),
        ("v", "x0"): ((a, -s), r2),
        ("v", "eps"): ((s, a), r2),
        ("v", "score"): ((-s, -a), s * r2),
    }
    (p, q), divisor = table[source, target]
    return p / divisor, q / divisor


def measured_times(T: int) -> list[int]:
    """TIMES, for another T the same parts of it."""
    return sorted({max(round(t * T / 1000), 1) for t in TIMES})


def convert(x_t: Tensor, value: Tensor, source: Source, target: Form, at: Rates) -> Tensor:
    """The target by its direct formula, of x_t's shape."""
    p, q = coefficients(source, target, at)
    return p * x_t + q * value


def form_of(prediction: Prediction, form: Form, at: Rates) -> Tensor:
    """What the prediction itself says, from the network's output on."""
    if form == "u":
        return at.a_slope * prediction.x0 + at.s_slope * prediction.eps
    value: Tensor = getattr(prediction, form)
    return value


def largest_difference(prediction: Prediction, source: Source, target: Form, at: Rates) -> float:
    """max |target by the direct formula from the source − target by the prediction|, in float64.

    The network's output is taken as it is; only what follows from it is computed with more digits, as formulas that
    divide by a small number show the digits of float32 rather than themselves. 0 < s and 0 < a are needed.
    """
    device = "cpu" if prediction.x_t.device.type == "mps" else prediction.x_t.device
    exact = replace(
        prediction,
        x_t=prediction.x_t.to(device, torch.float64),
        output=prediction.output.to(device, torch.float64),
        parts=None,
        variance_fraction=None,
    )
    converted = convert(exact.x_t, form_of(exact, source, at), source, target, at)
    return float((converted - form_of(exact, target, at)).abs().max())


@torch.no_grad()
def squared_errors(
    denoiser: Denoiser, x_0: Tensor, eps: Tensor, t: float, condition: Condition = None
) -> dict[Source, Tensor]:
    """Mean squared error of each form against the truth, of the data x_0 (n, …) with the noise eps: float64 (n,) each.

    The truth of the score is that of q(x_t|x_0), −ε/s. All four are one error in other units:
    ε̂ − ε = −(a/s)(x̂₀ − x_0), and so on.
    """
    a, s = denoiser.schedule.signal(t), denoiser.schedule.noise(t)
    prediction = denoiser(a * x_0 + s * eps, t, condition)
    truth: dict[Source, Tensor] = {"x0": x_0, "eps": eps, "score": eps / -s, "v": a * eps - s * x_0}
    d = x_0[0].numel()
    return {kind: summed((form_of(prediction, kind, _NO_RATES) - true).square()) / d for kind, true in truth.items()}


_NO_RATES = Rates(1.0, 0.0, 0.0, 0.0)
"""Only the velocity asks for them."""
