"""Recipe `hvae`: the digits through three levels, a Markov chain both ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.networks.latent import LatentConfig
from explorer.training.card import DIGITS_LICENCE
from explorer.training.latent import LatentTraining, train_chain
from explorer.training.loop import LoopConfig
from explorer.training.vae import DATASET

CONFIG = LatentTraining(
    LatentConfig(levels=(24, 12, 6), classes=10, top_classes=10),
    betas=(1.5, 1.0, 0.7),
    loop=LoopConfig(steps=1_800, learning_rate=2e-3),
    readable=24.0,
    labelled=12.0,
    read_as="any",
)

CARD = {
    "title": "HVAE of three levels",
    "summary": "A chain of three levels, and the timeline counts them: 0 is the picture, 3 the top. Drag it up and see "
    "what of the digit each level keeps. Then press Space: it is generated from z₃ ~ N(0, I) down, a level a step. Go "
    "back to a level and press “Redraw below”: what is above stays, what is below is drawn anew. The tile “what each "
    "level decides” shows that for all levels at once: z₃ says, mostly, which digit it is, z₂ how it is written, and "
    "z₁ is all but the picture. A diffusion model is such a chain with a thousand levels.",
    "dataset": DATASET,
    "licence": DIGITS_LICENCE,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    train_chain(CONFIG, CARD, out, steps, progress)
