"""How wrong a picture model is at each t, in every form of what it says, on pictures it was not trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.equivalences import SOURCES, measured_times, squared_errors
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.formats.model import Model
from explorer.formats.registry import load

PICTURES = 100
STORED_ERRORS = "root_mean_squared_error"
"""The entry in a card's quality."""


def form_errors(model: Model, pictures: int = PICTURES, seed: int = 2026) -> dict[str, Any]:
    """Root mean squared errors per pixel of x̂₀, ε̂, score and v̂ by t, on the model's first samples with their labels."""
    x_0 = torch.from_numpy(model.samples[:pictures]).to(model.device)
    known = model.facts.sample_labels[: len(x_0)]
    labels = torch.tensor(known, device=model.device) if len(known) == len(x_0) and known else None
    noise = NoiseSource(seed, len(x_0), model.facts.shape, model.device)
    times = measured_times(model.facts.T)
    curves: dict[str, list[float]] = {kind: [] for kind in SOURCES}
    for t in times:
        found = squared_errors(model.denoiser, x_0, noise(t, Stream.FORWARD), t, labels)
        for kind, values in found.items():
            curves[kind].append(float(f"{math.sqrt(float(values.mean())):.4g}"))
    return {"t": times, **curves, "samples": len(x_0), "seed": seed}


def twin_quality(folder: Path) -> dict[str, Any]:
    """The card's entry `quality`."""
    return {STORED_ERRORS: form_errors(load(folder, "cpu"))}
