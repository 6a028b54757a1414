"""How good annealed Langevin dynamics with a score network is: does a classifier recognise what comes out, and has x at
the end of each level as much noise as the level's σ says?
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.diffusion.noise import NoiseSource
from explorer.diffusion.samplers import Step, find
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.training.folder import DIGITS_CLASSIFIER, read_classifier

PICTURES, AT_ONCE = 128, 64
SURE = 0.8


@dataclass(frozen=True, eq=False)
class Sampled:
    """x: pictures (n, …). levels: (σ, r.m.s. of x − x̂₀ at the end of that level), from the first level on."""

    x: Tensor
    levels: tuple[tuple[float, float], ...]


@torch.no_grad()
def anneal(model: Model, n: int, seed: int = 2026, first: int = 0) -> Sampled:
    """n runs as the model's card proposes them, from the run with the number `first` on.

    Raises ValueError for a card that proposes nothing.
    """
    proposed = model.facts.proposed
    if proposed is None:
        raise ValueError(f"the card of {model.facts.title} proposes no sampler")
    sampler = find(proposed.sampler)
    parameters, schedule = sampler.parameters(**proposed.parameters), model.denoiser.schedule
    times = sampler.plan(schedule, proposed.steps, parameters)
    noise = NoiseSource(seed, n, model.facts.shape, model.device, first)
    x = sampler.begin(schedule, times[0], parameters, noise)
    steps = sampler.sample(model.denoiser, schedule, x, times, noise, parameters)
    levels: list[tuple[float, float]] = []
    last: Step | None = None
    for (t, following), step in zip([*pairwise(times), (times[-1], None)], steps, strict=True):
        if following != t and t > 0:
            residual = float((step.x - step.prediction.x0).square().mean().sqrt())
            levels.append((schedule.noise(t), residual))
        last = step
    assert last is not None
    return Sampled(last.x, tuple(levels))


def ncsn_quality(folder: Path, pictures: int = PICTURES) -> dict[str, Any]:
    """The card's entry: shares of pictures recognised, and the noise left at the end of each level."""
    model, judge = load(folder, "cpu"), read_classifier(DIGITS_CLASSIFIER)
    parts = [anneal(model, min(AT_ONCE, pictures - first), first=first) for first in range(0, pictures, AT_ONCE)]
    with torch.no_grad():
        sure = torch.cat([judge(part.x).softmax(1).amax(1) for part in parts])
    squares: dict[float, float] = {}
    for part in parts:
        for sigma, left in part.levels:
            squares[sigma] = squares.get(sigma, 0.0) + left**2 * len(part.x) / pictures
    return {
        "sampler": "as proposed in this card",
        f"share_with_confidence_{SURE}": round(float((sure >= SURE).float().mean()), 4),
        "mean_confidence": round(float(sure.mean()), 4),
        "pictures": pictures,
        "noise_left_by_sigma": {f"{sigma:.4g}": round(sqrt(square) / sigma, 4) for sigma, square in squares.items()},
        "judge": DIGITS_CLASSIFIER.name,
    }
