"""A small picture classifier that reads noisy pictures as well as clean ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from explorer.networks.conditioning import level_frequencies, waves


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes. size: height and width of the pictures, a multiple of 4. widths: of the three convolutions."""

    channels: int = 1
    size: int = 28
    classes: int = 10
    widths: tuple[int, int, int] = (32, 64, 64)
    frequencies: int = 16


class Classifier(nn.Module):
    """(x_t, ½ log SNR) → the logits of p(y | x_t), as classifier guidance needs it (Dhariwal & Nichol 2021).

    The noise level scales and shifts the features after each convolution (FiLM).
    """

    frequencies: Tensor

    CLEAN = 6.0
    """The ½ log SNR that stands for clean data, whose own is infinite; about that of the first noise level."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.register_buffer("frequencies", level_frequencies(config.frequencies))
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(config.channels, first, 5, stride=2, padding=2),
                nn.Conv2d(first, second, 3, stride=2, padding=1),
                nn.Conv2d(second, third, 3, padding=1),
            ]
        )
        self.norms = nn.ModuleList([nn.GroupNorm(8, width) for width in config.widths])
        self.modulations = nn.ModuleList([nn.Linear(2 * config.frequencies, 2 * width) for width in config.widths])
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(third * (config.size // 4) ** 2, config.classes)

    def forward(self, x_t: Tensor, half_log_snr: Tensor | None = None) -> Tensor:
        """x_t: (n, channels, size, size), a x_0 + s ε with x_0 in [−1, 1]. half_log_snr: () or (n,), ±inf allowed;
        None for clean pictures. Returns logits (n, classes)."""
        level = (
            x_t.new_full((), self.CLEAN) if half_log_snr is None else half_log_snr.clamp(-2 * self.CLEAN, self.CLEAN)
        )
        features = waves(level, self.frequencies)
        h = x_t
        for convolution, norm, modulation in zip(self.convolutions, self.norms, self.modulations, strict=True):
            scale, shift = modulation(features).unsqueeze(-1).unsqueeze(-1).chunk(2, dim=-3)
            h = nn.functional.silu(norm(convolution(h)) * (1 + scale) + shift)
        logits: Tensor = self.head(self.dropout(h.flatten(1)))
        return logits
