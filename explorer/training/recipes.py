"""Every recipe by name. Listing them imports neither torch nor a recipe."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol


class Recipe(Protocol):
    """run(out, steps, progress): train and write the folder `out`. steps overrides the recipe's own number. further:
    for those OF_POINTS, objective="explicit" or "sliced"; for own_pictures, data and size."""

    def __call__(
        self, out: Path, steps: int | None = None, progress: Callable[[str], None] = print, **further: Any
    ) -> None: ...


def _lazy(module: str) -> Recipe:
    def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print, **further: Any) -> None:
        importlib.import_module(f"explorer.training.{module}").run(out, steps, progress, **further)

    return run


NAMES = (
    "digits",
    "faces",
    "ncsn",
    "digits_x0",
    "digits_eps",
    "digits_score",
    "digits_v",
    "vdm",
    "mixture",
    "mixture_1d",
    "moons",
    "swiss_roll",
    "checkerboard",
    "rings",
    "digits_classifier",
    "vae",
    "vae_2d",
    "hvae",
    "own_pictures",
)
OF_POINTS = ("mixture", "mixture_1d", "moons", "swiss_roll", "checkerboard", "rings")
"""Those that can be trained with another objective than denoising."""
RECIPES: dict[str, Recipe] = {name: _lazy(name) for name in NAMES}
