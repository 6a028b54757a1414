"""Recipe `vae_2d`: the digits through one level of two latent numbers, so that all of it can be seen at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.networks.latent import LatentConfig
from explorer.training.card import DIGITS_LICENCE
from explorer.training.latent import LatentTraining, train_chain
from explorer.training.loop import LoopConfig
from explorer.training.vae import DATASET

CONFIG = LatentTraining(
    LatentConfig(levels=(2,), classes=10),
    betas=(1.0,),
    loop=LoopConfig(steps=1_400, learning_rate=2e-3),
    readable=24.0,
    labelled=12.0,
)

CARD = {
    "title": "VAE in the plane",
    "summary": "All that this model keeps of a digit is a place in the plane. The map shows where 500 digits lie; the "
    "lattice beside it what is decoded where. Drag the ring across the map: digits turn into each other, with borders "
    "between them. Choose another sample and look how far σ lets its place wander, and what two numbers cannot keep.",
    "dataset": DATASET,
    "licence": DIGITS_LICENCE,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    train_chain(CONFIG, CARD, out, steps, progress)
