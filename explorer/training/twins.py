"""Recipes `digits_x0`, `digits_eps`, `digits_score`, `digits_v`: one network of MNIST, asked for four quantities.

Weights at the start, pictures, times, noise and their order are the same for all four, and so is everything else but
what the mean squared error is taken of. Whatever differs between them comes from that alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.pictures import DIGIT_NAMES, digits
from explorer.diffusion.prediction import Kind
from explorer.networks.unet import UNetConfig
from explorer.training.card import DIGITS_DATASET, DIGITS_LICENCE
from explorer.training.loop import LoopConfig, with_steps
from explorer.training.pictures import PictureConfig, train_picture_model

CONFIG = PictureConfig(
    network=UNetConfig(width=32, classes=len(DIGIT_NAMES)),
    loop=LoopConfig(steps=900, learning_rate=1.5e-3, ema_decay=0.998),
    prediction="eps",
    schedule="cosine",
    T=1000,
)

TITLES: dict[Kind, str] = {
    "x0": "Digits, trained for x̂₀",
    "eps": "Digits, trained for ε̂",
    "score": "Digits, trained for the score",
    "v": "Digits, trained for v̂",
}

WEAKNESSES: dict[Kind, str] = {
    "x0": "Its loss hardly counts the last of the noise, so ε̂ and the score are poor at small t.",
    "eps": "Near t = T its x̂₀ is a difference of two large numbers over a small one, and gets noisy.",
    "score": "The score is as large as 1/s, about 150 at t = 1: what the network must give spans three orders of size.",
    "v": "v̂ is of one size at all t: noise is asked for where there is signal, and the signal where there is noise.",
}


def card(kind: Kind) -> dict[str, str]:
    """The card of one of the four."""
    return {
        "summary": f"One of four small networks that differ in one thing: what the squared error is taken of. "
        f"{WEAKNESSES[kind]} Open the tab Forms: any of x̂₀, ε̂, score and v̂ gives the others, with the numbers of this "
        "t; then compare the four networks' errors over t.",
        "dataset": DIGITS_DATASET,
        "licence": DIGITS_LICENCE,
    }


def train_twin(kind: Kind, out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    from explorer.training.twins_quality import twin_quality

    config = with_steps(replace(CONFIG, prediction=kind), steps)
    train_picture_model(TITLES[kind], digits("train"), digits("test"), config, out, card(kind), twin_quality, progress)
