"""Recipe `ncsn`: a noise-conditional score network of MNIST (Song & Ermon 2019, 2020), for annealed Langevin dynamics.

The path is variance exploding: x = x_0 + σ ε with 100 levels σ in geometric order, and the network gives the score by
denoising score matching. There is no chain of steps to undo and no ELBO, only a score.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.datasets.pictures import digits
from explorer.networks.unet import UNetConfig
from explorer.training.card import DIGITS_DATASET, DIGITS_LICENCE
from explorer.training.loop import LoopConfig, with_steps
from explorer.training.pictures import PictureConfig, train_picture_model

CONFIG = PictureConfig(
    network=UNetConfig(width=48),
    loop=LoopConfig(steps=4_000, learning_rate=2e-3),
    prediction="score",
    over_noise=True,
    beside_x_t=True,
    weighting="path",
    focus=(math.log(0.4), 1.2),
    schedule="geometric",
    T=100,
    arguments=(("sigma_min", 0.02), ("sigma_max", 5.0)),
)

SAMPLING: dict[str, Any] = {
    "name": "annealed_langevin",
    "steps": 10,
    "parameters": {"step_size": 0.1, "steps_per_level": 100, "sigma_max": 3.0, "sigma_min": 0.3, "start": "uniform"},
}
"""What the program presets, and what the quality is measured with. Larger steps leave more noise than a level's σ, by
1/(1 − r/4) in variance; the last step, to x̂₀, does as well from 0.3 as from 0.2, and ten levels lie closer together."""

CARD = {
    "summary": "A score network for many noise levels σ, not a chain of diffusion steps: x = x₀ + σ ε, the signal is "
    "never turned down. Press Space: annealed Langevin dynamics starts from uniform noise, stays a hundred steps at "
    "each of ten levels, the bands on the timeline, and lets digits appear at the lower ones. Then set Steps per level "
    "to 5, or First σ to 0.5, and see what annealing was for.",
    "dataset": DIGITS_DATASET,
    "licence": DIGITS_LICENCE,
    "sampler": SAMPLING,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    from explorer.training.ncsn_quality import ncsn_quality

    config = with_steps(CONFIG, steps)
    train_picture_model(
        "Digits, scores at noise levels", digits("train"), digits("test"), config, out, CARD, ncsn_quality, progress
    )
