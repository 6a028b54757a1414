"""The noise schedule as a network: ω_η(u) = −log SNR, rising for every η (Kingma et al. 2021, appendix H)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from explorer.diffusion.schedules.learned import LearnedSchedule, MonotoneShape

SPEED = 4.0
"""The schedule is made of its parameters times this, so that Adam moves it that much faster than the network."""


@dataclass(frozen=True)
class MonotoneConfig:
    """bends: hidden units. first, last: ω(0) and ω(1) before training, those of the paper's programs for 8-bit data."""

    bends: int = 64
    first: float = -13.3
    last: float = 5.0


class Monotone(nn.Module):
    """See `LearnedSchedule`, of which this is what is trained. Weights are the softplus of free parameters."""

    def __init__(self, config: MonotoneConfig) -> None:
        super().__init__()
        self.config = config
        self.first, self.last = (nn.Parameter(torch.tensor(end / SPEED)) for end in (config.first, config.last))
        self.straight = nn.Parameter(torch.tensor(0.5 / SPEED))
        self.steps = nn.Parameter(torch.full((config.bends,), -5.0 / SPEED))
        # Bends of three widths, spread over 0 … 1.
        rates = torch.tensor([6.0, 12.0, 24.0]).repeat(config.bends // 3 + 1)[: config.bends]
        self.rates = nn.Parameter(rates / SPEED)
        self.offsets = nn.Parameter(-rates / SPEED * torch.linspace(-0.1, 1.1, config.bends))

    def ends(self) -> tuple[Tensor, Tensor]:
        """ω(0) and ω(1), ()."""
        return SPEED * self.first, SPEED * self.last

    def shape(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The way from ω(0) to ω(1) as a fraction, 0 … 1, and its slope by u; u: (n,) in 0 … 1."""
        straight, steps, rates = (softplus(SPEED * each) for each in (self.straight, self.steps, self.rates))

        def g(u: Tensor) -> Tensor:
            return straight * u + torch.sigmoid(u[:, None] * rates + SPEED * self.offsets) @ steps

        bends = torch.sigmoid(u[:, None] * rates + SPEED * self.offsets)
        slope = straight + (bends * (1 - bends)) @ (steps * rates)
        start, end = g(torch.zeros_like(u[:1])), g(torch.ones_like(u[:1]))
        return (g(u) - start) / (end - start), slope / (end - start)

    def schedule(self, T: int = 1000) -> LearnedSchedule:
        """The schedule as it now is, in float64. Raises ValueError for weights that are not finite."""
        straight, steps, rates, offsets, first, last = (
            SPEED * each.detach().cpu().double()
            for each in (self.straight, self.steps, self.rates, self.offsets, self.first, self.last)
        )
        shape = MonotoneShape(
            float(softplus(straight)), softplus(steps).numpy(), softplus(rates).numpy(), offsets.numpy()
        )
        return LearnedSchedule(T, shape, float(first), float(last))
