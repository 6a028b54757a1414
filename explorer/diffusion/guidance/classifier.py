"""Classifier guidance as a wrapper around a denoiser (Dhariwal & Nichol 2021).

    s = ∇ log p(x_t) + γ ∇ log p(y | x_t)

γ = 0 is the unconditional model; γ = 1 is the conditional one if the classifier is exact (Bayes' rule). The
classifier must know the noise level, so it is a function of (x_t, t). The other forms of a prediction move with
the score: ε̂ by −s γ∇, x̂₀ by (s²/a) γ∇, v̂ by −(s/a)(a² + s²) γ∇, û by −(s/a)(a + s) γ∇.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition, Denoiser
from explorer.diffusion.guidance.interval import Interval, check_interval, scale_at
from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.prediction import Coefficient, Parts, Prediction
from explorer.diffusion.schedules import Schedule

LogClassifier: TypeAlias = Callable[[Tensor, float], Tensor]
"""(x_t (n, …), t) → log p(y | x_t) for every class y, (n, classes), differentiable in x_t."""


@dataclass(frozen=True, eq=False)
class ClassifierGuidance:
    """An unconditional denoiser that a classifier steers towards a label.

    labels: int64 (n,), or (1,) for one label for every sample, or None for no condition; samples with NO_LABEL are
    not steered. γ = 0 asks the denoiser alone and returns exactly what it says.

    The classifier is differentiated even inside torch.no_grad() and torch.inference_mode(); for the latter its
    weights must have been read outside of it, since torch differentiates nothing that was made there.

    interval: (lo, hi) in times t, both included, at which γ counts; elsewhere it is 1, as with classifier-free
    guidance. Raises ValueError for an interval that is empty.
    """

    denoiser: Denoiser
    log_classifier: LogClassifier
    labels: Condition
    guidance_scale: float = 1.0
    interval: Interval = None

    def __post_init__(self) -> None:
        check_interval(self.interval)

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        """The guided prediction, of the kind the denoiser's own has. condition, where given, replaces the labels."""
        labels = self.labels if condition is None else condition
        prediction = self.denoiser(x_t, t)
        scale = scale_at(t, self.guidance_scale, self.interval)
        if labels is None or scale == 0.0 or _says_nothing(prediction):
            return prediction
        gradient = self.gradient(x_t, t, labels.expand(len(x_t)))
        factor = _per_score(prediction)
        conditional = _moved(prediction, factor, gradient)
        guided = conditional if scale == 1.0 else _moved(prediction, scale * factor, gradient)
        return replace(guided, parts=Parts(conditional, prediction))

    def parts(self, x_t: Tensor, t: float) -> Parts | None:
        """The conditional prediction by Bayes' rule and the unconditional one, None without labels."""
        if self.labels is None:
            return None
        prediction = self.denoiser(x_t, t)
        if _says_nothing(prediction):
            return Parts(prediction, prediction)
        gradient = self.gradient(x_t, t, self.labels.expand(len(x_t)))
        return Parts(_moved(prediction, _per_score(prediction), gradient), prediction)

    def gradient(self, x_t: Tensor, t: float, labels: Tensor) -> Tensor:
        """∇ log p(y | x_t), of x_t's shape; 0 for samples with NO_LABEL."""
        with torch.inference_mode(False), torch.enable_grad():
            # A clone is an ordinary tensor where x_t came out of inference mode.
            leaf, chosen = x_t.detach().clone().requires_grad_(), labels.clone()
            log_p = self.log_classifier(leaf, t).gather(1, chosen.clamp(min=0).unsqueeze(1)).squeeze(1)
            (gradient,) = torch.autograd.grad(log_p.masked_fill(chosen == NO_LABEL, 0.0).sum(), leaf)
        return gradient


def _moved(prediction: Prediction, factor: Coefficient, gradient: Tensor) -> Prediction:
    return replace(prediction, output=prediction.output + factor * gradient)


def mixture_classifier(mixture: GaussianMixture, schedule: Schedule) -> LogClassifier:
    """The exact p(component | x_t), or of the pieces that components make up. In logarithms, since far from the data
    the responsibilities underflow."""

    def log_classifier(x_t: Tensor, t: float) -> Tensor:
        return mixture.log_responsibilities(x_t, schedule.signal(t), schedule.noise(t))

    return log_classifier


def noise_aware_classifier(network: Callable[[Tensor, Tensor], Tensor], schedule: Schedule) -> LogClassifier:
    """A network (x_t, ½ log SNR) → logits (n, classes) as log p(y | x_t). schedule: that of the guided denoiser.

    The network knows x_t of a path that keeps the variance; of another one it is given x_t/√(a² + s²).
    """

    def log_classifier(x_t: Tensor, t: float) -> Tensor:
        if not schedule.variance_preserving:
            x_t = x_t * (1 / math.hypot(schedule.signal(t), schedule.noise(t)))
        half_log_snr = torch.full((), 0.5 * schedule.log_snr(t), dtype=x_t.dtype, device=x_t.device)
        return torch.log_softmax(network(x_t, half_log_snr), dim=1)

    return log_classifier


def _says_nothing(prediction: Prediction) -> bool:
    """Where guidance cannot move the prediction: without signal x_t knows nothing of y, without noise x̂₀ is x_t."""
    a, s = prediction.a, prediction.s
    if isinstance(a, float) and a == 0.0:
        return True
    return isinstance(s, float) and s == 0.0 and prediction.kind != "score"


def _per_score(prediction: Prediction) -> Coefficient:
    """How much the output moves for one unit of score."""
    a, s = prediction.a, prediction.s
    if prediction.kind == "score":
        return 1.0
    if prediction.kind == "eps":
        return -s
    if prediction.kind == "x0":
        return s * s / a
    if prediction.kind == "flow":
        return -s / a * (a + s)
    return -s / a * (a * a + s * s)
