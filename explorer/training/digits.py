"""Recipe `digits`: MNIST, class-conditional, ε-prediction, cosine schedule, T = 1000."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.datasets.pictures import digits
from explorer.training.card import DIGITS_DATASET, DIGITS_LICENCE
from explorer.training.images import ImageConfig, train_image_model
from explorer.training.loop import LoopConfig, with_steps

CONFIG = ImageConfig(
    block_out_channels=(24, 48, 64),
    attention_levels=(False, False, True),
    prediction_type="epsilon",
    clip_sample=False,
    loop=LoopConfig(steps=3_200, learning_rate=1e-3),
)

CARD = {
    "summary": "Handwritten digits, class-conditional, with the label dropped now and then in training, so guidance "
    "works. Drag t down from T and watch x̂₀ turn from a blur into a digit. Then choose a label and press Space: DDIM "
    "runs from noise to that digit. Go back to the middle of the run, choose another label, and play on: what of the "
    "first digit is left? Annealed Langevin comes near, though nobody trained the network for it.",
    "dataset": DIGITS_DATASET,
    "licence": DIGITS_LICENCE,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train and write the model directory `out`; steps overrides the recipe's number."""
    train_image_model("Digits", digits("train"), digits("test"), with_steps(CONFIG, steps), out, CARD, progress)
