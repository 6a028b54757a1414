"""Classifier-free guidance as a wrapper around a denoiser (Ho & Salimans 2022; `theory.md` §6).

    s = γ s(x_t, y) + (1 − γ) s(x_t)

γ = 0 is the unconditional model, γ = 1 the conditional one, γ > 1 goes beyond it. γ is diffusers'
`guidance_scale`; the paper's w is γ − 1. The weights add up to 1, so the same line holds for
ε̂, x̂₀ and v̂, and the network's outputs can be mixed whatever they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NO_LABEL, Condition, Denoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import Schedule


@dataclass(frozen=True, eq=False)
class ClassifierFreeGuidance:
    """A denoiser with its label and guidance scale γ fixed. labels: int64 (n,), or (1,) for
    one label for every sample, or None for no condition.

    γ = 0 and γ = 1 call the network once and return exactly its own output; otherwise both halves go
    through the network as one batch of 2n.
    """

    denoiser: Denoiser
    labels: Condition
    guidance_scale: float = 1.0

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        """The guided prediction. condition, where given, replaces the labels."""
        labels = self.labels if condition is None else condition
        if labels is None or self.guidance_scale == 0.0:
            return self.denoiser(x_t, t)
        labels = labels.expand(len(x_t))
        if self.guidance_scale == 1.0:
            return self.denoiser(x_t, t, labels)
        conditional, unconditional = self.both(x_t, t, labels)
        # lerp(u, c, γ) = u + γ (c − u)
        return replace(conditional, output=torch.lerp(unconditional.output, conditional.output, self.guidance_scale))

    def both(self, x_t: Tensor, t: float, labels: Tensor) -> tuple[Prediction, Prediction]:
        """The conditional and the unconditional prediction, from one call of the network."""
        pair = self.denoiser(torch.cat([x_t, x_t]), t, torch.cat([labels, torch.full_like(labels, NO_LABEL)]))
        n = len(x_t)
        return pair.select(slice(0, n)), pair.select(slice(n, 2 * n))
