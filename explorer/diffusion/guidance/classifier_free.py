"""Classifier-free guidance as a wrapper around a denoiser (Ho & Salimans 2022).

    s = γ s(x_t, y) + (1 − γ) s(x_t)

γ = 0 is the unconditional model, γ = 1 the conditional one, γ > 1 goes beyond it. γ is diffusers'
`guidance_scale`; the paper's w is γ − 1. The weights add up to 1, so the same line holds for
ε̂, x̂₀ and v̂, and the network's outputs can be mixed whatever they mean.

Two refinements, both off unless asked for:

* interval (Kynkäänniemi et al. 2024): γ counts for lo ≤ t ≤ hi alone; elsewhere it is 1, the conditional model.
* rescale φ (Lin et al. 2024, §3.4): the guided output g is brought towards the standard deviation, over all
  numbers of a sample, of the conditional output c: φ g std(c)/std(g) + (1 − φ) g. φ = 0 leaves g alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition, Denoiser, log_density
from explorer.diffusion.guidance.interval import Interval, check_interval, scale_at
from explorer.diffusion.prediction import Parts, Prediction
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True, eq=False)
class ClassifierFreeGuidance:
    """A denoiser with its label and guidance scale γ fixed. labels: int64 (n,), or (1,) for
    one label for every sample, or None for no condition.

    interval: (lo, hi) in times t, both included, or None for every t. rescale: φ in [0, 1]; it means little for
    samples of a few numbers. Raises ValueError for an interval that is empty and a rescale outside [0, 1].

    γ = 0 and γ = 1 call the network once and return exactly its own output; otherwise both halves go
    through the network as one batch of 2n.
    """

    denoiser: Denoiser
    labels: Condition
    guidance_scale: float = 1.0
    interval: Interval = None
    rescale: float = 0.0
    null: int = NO_LABEL
    """The label that γ leads away from."""

    def __post_init__(self) -> None:
        check_interval(self.interval)
        if not 0 <= self.rescale <= 1:
            raise ValueError(f"guidance rescale lies between 0 and 1, not at {self.rescale}")

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def scale_at(self, t: float) -> float:
        """γ at time t: 1 outside the interval."""
        return scale_at(t, self.guidance_scale, self.interval)

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        """The guided prediction. condition, where given, replaces the labels."""
        labels = self.labels if condition is None else condition
        scale = self.scale_at(t)
        if labels is None or (scale == 0.0 and self.null == NO_LABEL):
            return self.denoiser(x_t, t)
        labels = labels.expand(len(x_t))
        if scale == 0.0:
            return self.denoiser(x_t, t, torch.full_like(labels, self.null))
        if scale == 1.0:
            return self.denoiser(x_t, t, labels)
        conditional, unconditional = self.both(x_t, t, labels)
        # lerp(u, c, γ) = u + γ (c − u)
        guided = torch.lerp(unconditional.output, conditional.output, scale)
        if self.rescale > 0.0:
            guided = guided * _rescaling(guided, conditional.output, self.rescale)
        return replace(conditional, output=guided, parts=Parts(conditional, unconditional))

    def parts(self, x_t: Tensor, t: float) -> Parts | None:
        """The conditional and the unconditional prediction, None without labels."""
        return None if self.labels is None else Parts(*self.both(x_t, t, self.labels.expand(len(x_t))))

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """γ log p(x_t|y) + (1 − γ) log p(x_t), (n,), up to a constant: the density whose score is the guided one.

        Raises ValueError for a denoiser without a density, and where `rescale` leaves no density behind.
        """
        if self.rescale > 0.0:
            raise ValueError("rescaled guidance is not the score of any density")
        labels = self.labels if condition is None else condition
        scale = self.scale_at(t)
        if labels is None or scale == 0.0:
            return log_density(self.denoiser, x_t, t)
        conditional = log_density(self.denoiser, x_t, t, labels.expand(len(x_t)))
        return conditional if scale == 1.0 else torch.lerp(log_density(self.denoiser, x_t, t), conditional, scale)

    def both(self, x_t: Tensor, t: float, labels: Tensor) -> tuple[Prediction, Prediction]:
        """The conditional and the unconditional prediction, from one call of the network."""
        pair = self.denoiser(torch.cat([x_t, x_t]), t, torch.cat([labels, torch.full_like(labels, self.null)]))
        n = len(x_t)
        return pair.select(slice(0, n)), pair.select(slice(n, 2 * n))


def _rescaling(guided: Tensor, conditional: Tensor, strength: float) -> Tensor:
    """The factor (n, 1, …) on each sample's guided output."""
    dims = tuple(range(1, guided.ndim))
    std_guided, std_conditional = guided.std(dims, keepdim=True), conditional.std(dims, keepdim=True)
    # An output that is the same everywhere has no contrast to bring back.
    ratio = torch.where(std_guided > 0, std_conditional / std_guided, torch.ones_like(std_guided))
    return strength * ratio + (1 - strength)
