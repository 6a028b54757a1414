"""Recipe `own_pictures`: somebody's own pictures, of any size up to 64, by the network of the recipe `faces`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from explorer.datasets.picture_folder import as_many_of_each, picture_folder
from explorer.facts import ModelError
from explorer.training.card import SHOWN
from explorer.training.faces import CONFIG
from explorer.training.images import ImageConfig, train_image_model
from explorer.training.loop import with_steps

SIZE = 32
SIZES = (8, 64)
"""A multiple of 4: the network halves a picture twice."""
FULL_ATTENTION = 32
"""Up to this size attention is affordable at half of it."""


def config_for(size: int) -> ImageConfig:
    """Of pictures of this size. Raises ModelError for one that the network does not take."""
    if size % 4 or not SIZES[0] <= size <= SIZES[1]:
        raise ModelError(f"The size must be a multiple of 4 from {SIZES[0]} to {SIZES[1]}, not {size}.")
    return replace(CONFIG, attention_levels=(False, size <= FULL_ATTENTION, True))


def run(
    out: Path,
    steps: int | None = None,
    progress: Callable[[str], None] = print,
    data: str = "",
    size: int = SIZE,
    config: ImageConfig | None = None,
) -> None:
    """Train on the pictures of the folder `data`, and write the model directory `out`."""
    chosen = config or config_for(size)
    pictures = picture_folder(Path(data), size, progress)
    n, classes = len(pictures.images), ", ".join(pictures.class_names)
    progress(f"{n:,} pictures of {size}×{size}; classes: {classes}")
    card = {"summary": f"Trained on {n:,} pictures: {classes}.", "dataset": f"The folder {Path(data).name}"}
    title, shown = Path(data).resolve().name.capitalize(), as_many_of_each(pictures, SHOWN)
    train_image_model(title, pictures, shown, with_steps(chosen, steps), out, card, progress)
