"""Recipe `digits_v`: see `twins.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.training.twins import train_twin


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    train_twin("v", out, steps, progress)
