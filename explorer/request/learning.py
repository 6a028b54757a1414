"""A network of points that learns while it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explorer.request.subject import ModelRef


@dataclass(frozen=True)
class Draft:
    """Write an untrained network of points into the folder `path`. data: a distribution's name, "" for the strokes."""

    path: str
    data: str
    prediction: Literal["eps", "x0", "v", "score"]
    title: str
    strokes: tuple[tuple[tuple[float, float], ...], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Train:
    """Train the open model until something else is asked of this lane.

    keep: whether to write what it has learned into its own folder, now and then and at the end.
    """

    model: ModelRef
    objective: Literal["denoising", "explicit", "sliced"]
    learning_rate: float
    seed: int = 0
    keep: bool = False


@dataclass(frozen=True)
class Keep:
    """Write the open model's network, as it is now, as a model folder."""

    model: ModelRef
    path: str
