"""How the networks of the shipped models are told the noise level and the label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import Condition
from explorer.diffusion.schedules import Schedule


def level_frequencies(count: int) -> Tensor:
    """Angular frequencies for ½ log SNR, which lies within ±10: from a third of a period over the whole range to a
    period of about 1.5. (count,)."""
    return torch.logspace(-1, 0.6, count)


def waves(level: Tensor, frequencies: Tensor) -> Tensor:
    """Sines, then cosines, of a level () or (n,): (2 × frequencies,) or (n, 2 × frequencies)."""
    angles = level.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def label_features(table: nn.Embedding, labels: Condition) -> Tensor:
    """The rows of the labels (n,) in a table whose last row is the null label's, (n, width); (width,) for none.

    Negative labels mean the null label too.
    """
    null = table.num_embeddings - 1
    if labels is None:
        return table.weight[null]
    features: Tensor = table(torch.where(labels < 0, null, labels))
    return features


def level_at(schedule: Schedule, t: float, x_t: Tensor) -> Tensor:
    """½ log SNR(t) = log a/s as a tensor (), beside x_t."""
    return torch.full((), 0.5 * schedule.log_snr(t), dtype=x_t.dtype, device=x_t.device)
