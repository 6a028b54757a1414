"""Recipe `vae`: the digits through one level of 16 latent numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.networks.latent import LatentConfig
from explorer.training.card import DIGITS_DATASET, DIGITS_LICENCE
from explorer.training.latent import LatentTraining, train_chain
from explorer.training.loop import LoopConfig

CONFIG = LatentTraining(
    LatentConfig(levels=(16,), classes=10),
    betas=(2.0,),
    loop=LoopConfig(steps=1_400, learning_rate=2e-3),
    readable=24.0,
    labelled=12.0,
)

DATASET = f"{DIGITS_DATASET}, every pixel made black or white"
CARD = {
    "title": "VAE, 16 numbers",
    "summary": "A picture becomes sixteen numbers, each a Gaussian μ ± σ, and is made again from a draw of them. Drag "
    "one of the bars, or the ring on the map, and watch the digit change; press R for another draw. Some bars do "
    "nothing: their band is the prior's, so they say nothing of the picture. Then press Space: z ~ N(0, I), and a "
    "digit that nobody wrote.",
    "dataset": DATASET,
    "licence": DIGITS_LICENCE,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    train_chain(CONFIG, CARD, out, steps, progress)
